"""Lengths of time as people write them: numbers of seconds, and the strings of other model servers."""

from __future__ import annotations

import math
import re
import sys

FOREVER = -1.0

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"  # matches in one way only: otherwise a long text takes for ever
_PART = rf"({_NUMBER})(ns|us|µs|μs|ms|s|m|h)"
_DURATION = rf"(?P<sign>[+-]?)(?:(?P<seconds>{_NUMBER})|(?P<parts>(?:{_PART})+))"


def parse(value: object) -> float | None:
    """Returns seconds, `FOREVER` (-1.0) for any negative value, None for anything but a length of time.

    Takes a number of seconds or a string: a number ("300", "-1", "0") or a duration with units ("5m", "1h30m", "-1m").
    Both forms are accepted everywhere: users of a server that accepted "-1" in one place and only -1 in another could
    not find out why their setting had no effect.
    """
    if isinstance(value, str):
        match = re.fullmatch(_DURATION, value.strip())
        if match is None:
            return None
        if match["seconds"] is not None:
            seconds = float(match["seconds"])
        else:
            parts = re.findall(_PART, match["parts"])
            seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
        if match["sign"] == "-":
            seconds = -seconds
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value) if abs(value) <= sys.float_info.max else math.inf
    else:
        return None
    if not math.isfinite(seconds):
        return None
    return FOREVER if seconds < 0 else seconds


def shown(seconds: float) -> str:
    """A length of time in the largest unit of which it has more than one: `24h`, `5m`, `60s`, `0.5s`; or `-1`."""
    if seconds < 0:
        return "-1"
    unit = next((unit for unit in "hm" if seconds >= 2 * _UNITS[unit] and seconds % _UNITS[unit] == 0), "s")
    return f"{seconds / _UNITS[unit]:g}{unit}"
