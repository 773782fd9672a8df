"""Reads settings in a worker's environment that fit an engine to this machine.

torch, numpy and CTranslate2 also read OMP_NUM_THREADS themselves.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from hushd_protocol.errors import HushdError
from hushd_protocol.system.footprint import cores

_MAX_BEAMS = 100


def threads(spare: int = 0) -> int:
    """Returns OMP_NUM_THREADS, or else the number of cores of this process minus `spare`; at least one."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    return max(1, cores() - spare)


def compute_type(known: Sequence[str]) -> str:
    """Returns HUSHD_COMPUTE_TYPE, one of `known`; empty for the engine's default.

    Raises:
        HushdError: `bad_request`.
    """
    asked = os.environ.get("HUSHD_COMPUTE_TYPE", "")
    if asked and asked not in known:
        raise HushdError(
            "bad_request", f"HUSHD_COMPUTE_TYPE must be one of {', '.join(known)} for this engine, not {asked[:40]!r}."
        )
    return asked


def beam() -> int | None:
    """Returns HUSHD_BEAM_SIZE; None for the engine's default.

    Raises:
        HushdError: `bad_request`.
    """
    asked = os.environ.get("HUSHD_BEAM_SIZE", "")
    if asked and not (asked.isdecimal() and 1 <= int(asked) <= _MAX_BEAMS):
        raise HushdError("bad_request", f"HUSHD_BEAM_SIZE must be a number from 1 to {_MAX_BEAMS}, not {asked[:40]!r}.")
    return int(asked) if asked else None
