"""The names of the splits, and what files of other people call them."""

SPLITS = ("train", "validation", "test")
ALIASES = {"val": "validation", "validate": "validation", "valid": "validation", "training": "train"}
