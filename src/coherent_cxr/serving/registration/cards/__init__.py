"""A model's card in its forms."""
