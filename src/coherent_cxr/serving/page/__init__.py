"""The web page: drop the images of a study, read its report and see what it rests on."""
