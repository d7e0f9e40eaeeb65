"""Training of the image encoder on labels, before the generator."""
