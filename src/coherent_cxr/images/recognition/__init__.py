"""Recognition: is it a chest radiograph, frontal or lateral, similar to the training images?"""
