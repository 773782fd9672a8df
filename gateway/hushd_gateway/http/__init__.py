"""OpenAI's audio API over HTTP and WebSocket: `create_app` makes the ASGI application."""

from .app import create_app

__all__ = ["create_app"]
