"""hushd's own engines, one module each."""
