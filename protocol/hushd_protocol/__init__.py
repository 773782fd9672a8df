"""The contract between hushd's processes: messages, codec, errors and limits; in `system`, paths and files.

docs/PROTOCOL.md is the normative text; this package is its only implementation.
"""

from typing import Any

__version__ = "0.1.0"

# A map whose keys are checked by its reader, not by a type: parameters of an operation, data of a message, others'
# JSON.
JsonObject = dict[str, Any]
