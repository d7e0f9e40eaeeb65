"""Open-I (Indiana University): XML reports, PNG and DICOM images, the Kaggle edition, the download."""
