"""`hushd mcp`: a voice and ears for agents, over the Model Context Protocol.

The server holds no model: it is an ordinary client of the supervisor, built on the official SDK (the extra `mcp`).
"""
