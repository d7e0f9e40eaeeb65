"""Raw corpora as their publishers distribute them."""
