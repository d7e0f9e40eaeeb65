"""The image encoder: backbone, starting weights and where they come from, number format."""
