"""The contract between hushd's processes: messages, codec, errors and limits; in `system`, paths and files.

docs/PROTOCOL.md is the normative text; this package is its only implementation.
"""

from typing import Any

__version__ = "0.1.0"

# A map whose keys are checked by its reader, not by a type: parameters of an operation, data of a message, others'
# JSON.
JsonObject = dict[str, Any]


def buggify(point: str) -> bool:
    """Returns whether to take an allowed but rare path at `point`, a name that no other point has: False.

    Where the code says `if buggify("name"):`, it takes another path that is equally correct: it wakes up for nothing,
    writes only a part of a queue, looks again later. The simulation (tests/simulation) replaces this function with its
    dice before any module imports it: no setting does that.
    """
    return False
