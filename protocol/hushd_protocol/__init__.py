"""The contract between hushd's processes: messages, codec, framing, errors and limits; in `system`, paths and files.

docs/PROTOCOL.md is the normative text; this package is its only implementation.
"""

from typing import Any

__version__ = "0.1.0"

# A map whose keys its reader checks, and no type: an operation's parameters, a message's data, another program's JSON.
JsonObject = dict[str, Any]
