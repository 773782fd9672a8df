"""The Wyoming protocol: one speech-to-text and one text-to-speech program."""

from .server import serve_connection

__all__ = ["serve_connection"]
