"""Bootstrap over patients, paired comparisons."""
