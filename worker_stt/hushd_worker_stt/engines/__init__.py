"""hushd's own engines, one module each. An engine's module is only imported when it is needed."""
