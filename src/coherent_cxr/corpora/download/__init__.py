"""Resumable downloads and the archives that come with them."""
