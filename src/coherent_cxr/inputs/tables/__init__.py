"""Tables of reports as users have them: CSV, JSON, Parquet."""
