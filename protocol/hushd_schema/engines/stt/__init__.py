"""The specs of hushd's engines for speech to text, a file for each, named after it."""
