"""Radiographs: decoding, drawing phantoms, the image store."""
