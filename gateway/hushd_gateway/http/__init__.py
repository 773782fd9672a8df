"""OpenAI's audio API over HTTP and WebSocket."""
