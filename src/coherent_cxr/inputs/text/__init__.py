"""Text files, their encoding and their layout."""
