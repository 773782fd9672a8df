"""`hushd mcp`: a voice and ears for agents, over the Model Context Protocol.

The server holds no model: it is a client of the supervisor like any other, on the official SDK (the extra `mcp`).
"""
