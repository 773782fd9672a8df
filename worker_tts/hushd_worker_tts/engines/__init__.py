"""The engines hushd brings along, one module each."""
