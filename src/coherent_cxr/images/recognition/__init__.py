"""What a picture is: a chest radiograph or not, frontal or lateral, like the training images or not."""
