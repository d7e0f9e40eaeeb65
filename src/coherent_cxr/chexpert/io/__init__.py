"""Tables of labels in and out, and a page that shows mentions."""
