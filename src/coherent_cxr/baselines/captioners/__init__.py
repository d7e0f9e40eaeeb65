"""Captioning networks that the generator is compared with."""
