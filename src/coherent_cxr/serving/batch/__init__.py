"""Many studies at a time: which there are in files and folders, and tables of their reports."""
