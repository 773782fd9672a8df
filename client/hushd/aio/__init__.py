"""The client for asyncio: `AsyncClient`, with the names and options of `Client`."""
