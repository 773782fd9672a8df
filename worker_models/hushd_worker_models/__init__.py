"""hushd's worker for models: pulls them."""
