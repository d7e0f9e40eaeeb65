"""Raw corpora as their publishers hand them out."""
