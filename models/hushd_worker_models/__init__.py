"""hushd's worker for models: pulls, imports, checks and quantizes them."""
