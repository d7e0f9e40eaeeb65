"""Training loops, exact resume, feature caching and report generation for many studies."""
