"""Any hospital's own reports and images: a table and a folder, by a mapping of columns."""
