"""What a request must be like: who may send it, how large it is, which images it holds."""
