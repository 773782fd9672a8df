"""The page at `/`: a demonstration of hushd, in one static file and a script for each of its sections."""
