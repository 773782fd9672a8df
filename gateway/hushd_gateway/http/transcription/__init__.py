"""Transcription of recordings: parameters, output formats, and the endpoints."""
