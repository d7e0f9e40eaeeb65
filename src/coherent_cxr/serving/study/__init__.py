"""From the images of a study to its report."""
