"""Which model is registered, what is said about it, and which version is champion."""
