"""hushd's worker for models: brings them here, checks them, and makes smaller ones of them."""
