"""Studies from an archive by DICOMweb, and their structured reports back into it."""
