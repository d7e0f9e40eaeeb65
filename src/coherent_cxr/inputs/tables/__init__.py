"""Tables of reports as people have them: CSV, JSON, Parquet."""
