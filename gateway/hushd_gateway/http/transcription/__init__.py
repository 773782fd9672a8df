"""Recordings become text: parameters, forms of transcripts, and the endpoints."""
