"""Sizes of memory as people write them."""

from __future__ import annotations

import math
import re

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+) ?([kmgt]?)(i?)b?", re.IGNORECASE | re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
MAX_BYTES = 1 << 50


def parse(value: object) -> int | None:
    """Returns bytes; None for anything but a size of at most 1 PiB.

    Takes a number of bytes or a string: "12G", "500MB" and "1.5 g" are powers of 1000, as all sizes of hushd; "12GiB"
    and "12Gi" are powers of 1024.
    """
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if match is None:
            return None
        base = 1024 if match[3] else 1000
        size = float(match[1]) * base ** _POWERS[match[2].lower()]
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_BYTES:
        size = float(value)
    else:
        return None
    return round(size) if math.isfinite(size) and 0 <= size <= MAX_BYTES else None
