"""What every page has in common: one stylesheet, one colour table, one library of components."""
