"""The page at `/`: what hushd does, to try and to see, in one static file and two scripts beside it."""
