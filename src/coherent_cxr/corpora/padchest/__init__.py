"""PadChest: one table of 160,861 images with the reports of their studies."""
