"""Our own files: atomic writes, locks, disk reservation."""
