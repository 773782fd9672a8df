"""The page at `/`: what hushd does, to try and to see, in one static file and a script for each of its sections."""
