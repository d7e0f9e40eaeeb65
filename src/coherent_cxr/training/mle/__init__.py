"""Maximum-likelihood training of the report generator."""
