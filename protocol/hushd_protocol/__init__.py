"""The contract between hushd's processes: messages, codec, framing, errors, limits, paths, and the worker harness.

docs/PROTOCOL.md is the normative text; this package is its only implementation.
"""

__version__ = "0.1.0"
