"""Imports torch, for engines that compute with it."""

from __future__ import annotations

import os
from typing import Any

# Turns of a loop before a thread that waits for the others sleeps; libgomp's default is 300,000. With two threads on
# two cores with nothing else to do a small Whisper took as long as with the default (0.94 and 0.92 s, and 7 % less of
# the processor); beside sixteen busy processes it took 2.3 s instead of 12.3, and 0.5 s of the processor instead of
# 1.9.
_TURNS = "10000"


def import_torch() -> Any:
    """Imports torch such that its threads do not spin for long, unless the environment sets how they wait; returns it.

    Raises:
        ImportError: torch is not installed, or does not load.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _TURNS)  # read by libgomp when it is loaded
    import torch

    return torch
