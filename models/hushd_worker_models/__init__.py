"""hushd's worker for models: pulls, imports and checks them."""
