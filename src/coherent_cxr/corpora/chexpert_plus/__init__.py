"""CheXpert Plus: one table of 223,462 images with the reports of their studies."""
