"""The specs of hushd's engines for text to speech, a file for each, named after it."""
