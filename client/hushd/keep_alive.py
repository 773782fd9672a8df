"""How long a worker is kept for its user: numbers of seconds and the strings other model servers taught people."""

from __future__ import annotations

import math
import re

from hushd_protocol.errors import HushdError

FOREVER = -1.0

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
# Compiled on first use: most requests say nothing about it, and every command imports this.
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_PART = rf"({_NUMBER})(ns|us|µs|μs|ms|s|m|h)"
_DURATION = rf"(?P<sign>[+-]?)(?:(?P<seconds>{_NUMBER})|(?P<parts>(?:{_PART})+))"


def parse(value: float | str) -> float:
    """Seconds: 0 ends the worker with the job, `FOREVER` (-1.0) keeps it until it is unloaded.

    Takes a number of seconds or a string: a number ("300", "-1", "0") or a duration with units ("5m", "1h30m",
    "-1m"). Whatever is negative means for ever. Both forms are taken everywhere, because users of a server that took
    "-1" in one place and only -1 in another could not find out why their setting had no effect.

    Raises:
        HushdError: `bad_request` when it is neither.
    """
    if isinstance(value, str):
        seconds = _from_text(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise _refusal(value)
    if math.isnan(seconds) or seconds == math.inf:
        raise _refusal(value)
    return FOREVER if seconds < 0 else seconds


def _from_text(text: str) -> float:
    match = re.fullmatch(_DURATION, text.strip())
    if match is None:
        raise _refusal(text)
    if match["seconds"] is not None:
        seconds = float(match["seconds"])
    else:
        seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, match["parts"]))
    return -seconds if match["sign"] == "-" else seconds


def _refusal(value: object) -> HushdError:
    shown = f"{value!r:.40}"
    return HushdError(
        "bad_request",
        f"{shown} is no time to keep a worker alive: give seconds (300), a duration (5m, 1h30m), 0 or -1 (for ever).",
    )
