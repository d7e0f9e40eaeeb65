"""Study cards: which studies are shown, with which marks."""
