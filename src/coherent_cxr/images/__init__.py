"""Radiographs: decoding, phantoms, the image store."""
