"""MIMIC-CXR as PhysioNet publishes it, and a fabricated corpus in its format."""
