"""Image files as grey levels: PNG, JPEG, DICOM, within limits."""
