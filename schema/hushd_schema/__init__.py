"""The vocabulary of hushd, each word of it said once: what may be asked, what may be configured, what an engine is.

Light and pure: neither numpy nor ZeroMQ, and no more of it is loaded than an operation needs. The workers' checks, the
command line, HTTP, MCP and the reference in the documents are derived from here.
"""
