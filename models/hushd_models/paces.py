"""The paces of voices on this machine: seconds of computing for a second of sound, as `hushd get` has
measured them, in a file of the user's. A program that cannot read or write this file works without it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from hushd_protocol.names import SPEEDS
from hushd_protocol.system import atomic_file, best_effort
from hushd_protocol.system.paths import Paths

from . import catalogue

REAL_TIME = 1.0  # pace above which a conversation waits for the voice


def measured(paths: Paths) -> Mapping[str, float]:
    """Returns the pace of each ENGINE/MODEL that was measured."""
    try:
        paces = json.loads(paths.paces.read_bytes())
    except (OSError, ValueError):
        return {}
    return {name: float(pace) for name, pace in paces.items() if isinstance(pace, int | float)}


def is_slow(model: str, measured: Mapping[str, float]) -> bool:
    """Returns whether a voice, ENGINE/MODEL, was measured to be slower than real time here; of one that was not
    measured, whether another one was that is no slower by the catalogue."""
    if pace := measured.get(model):
        return pace > REAL_TIME
    return is_slow_speed(_speed(model), measured)


def is_slow_speed(speed: int, measured: Mapping[str, float]) -> bool:
    """Returns whether a voice of this speed, its place in `SPEEDS`, or of a faster one was slower than real time
    here."""
    return any(_speed(other) <= speed for other, pace in measured.items() if pace > REAL_TIME)


def _speed(model: str) -> int:
    known = catalogue.find(model)
    return SPEEDS.index(known.speed if known else "medium")


def keep(paths: Paths, model: str, pace: float) -> None:
    """Keeps the pace of ENGINE/MODEL in place of an earlier one."""
    with best_effort.writing(paths.paces):
        paths.paces.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic_file.replace(paths.paces, json.dumps({**measured(paths), model: round(pace, 2)}), mode=0o600)
