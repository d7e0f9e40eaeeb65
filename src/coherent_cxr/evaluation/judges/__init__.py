"""Optional judges: learned metrics whose weights a user must bring. Without them a column says "not run"."""
