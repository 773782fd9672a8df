"""The contract between hushd's processes: messages, codec, framing, errors and limits; in `system`, paths and files.

docs/PROTOCOL.md is the normative text; this package is its only implementation.
"""

__version__ = "0.1.0"
