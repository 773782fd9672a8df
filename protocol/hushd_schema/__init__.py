"""The vocabulary of hushd, each word defined once: operations and their options, settings, engines, and answers.

Light and pure: it imports neither numpy nor ZeroMQ, and a program loads only the modules that it needs. The workers'
checks, the command line, HTTP, MCP and the reference in the documents are derived from it.
"""
