"""Reads the text of a request, while it arrives, into sentences to speak."""
