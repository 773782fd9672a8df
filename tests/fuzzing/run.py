"""Runs one target: input after input, each under a watchdog, until its time is over."""

from __future__ import annotations

import faulthandler
import os
import random
import signal
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from .targets import find

HANG_S = 5.0  # of the processor, for one input
STUCK_S = 150.0  # of the clock: of the first input, too, before which all that it is for starts
MOST = 20  # findings, after which a target is given up


class Hang(BaseException):
    """An input takes too long."""


class Report(NamedTuple):
    """Result of a target: `findings` are sentences with the number of the first input that shows them."""

    inputs: int
    seconds: float
    findings: dict[str, int]


def run(name: str, folder: Path, seed: str, seconds: float, inputs: int, first: int) -> Report:
    """Feeds a target with the inputs of `seed` from number `first` on."""
    errors = os.open(folder / "errors", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(errors, 2)  # decoders complain there; so does faulthandler
    faulthandler.enable()
    signal.signal(signal.SIGPROF, _hang)
    findings: dict[str, int] = {}
    number, began = first, time.monotonic()
    with open(folder / "at", "r+b", buffering=0) as place, find(name)(folder) as feed:
        while number < first + inputs and time.monotonic() - began < seconds and len(findings) < MOST:
            place.seek(0)
            place.write(b"%d" % number)
            rng = random.Random(f"{seed}/{name}/{number}")
            try:
                signal.setitimer(signal.ITIMER_PROF, HANG_S)
                feed(rng)
            except (Exception, Hang) as error:
                _note(findings, error, number)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            number += 1
        spent = time.monotonic() - began
    return Report(number - first, spent, findings)


def _hang(*_: Any) -> None:
    raise Hang(f"takes more than {HANG_S:.0f} s of the processor")


def _note(findings: dict[str, int], error: BaseException, number: int) -> None:
    """Keeps the first finding of each kind at each place, by a sentence."""
    place = _place(error)
    if not any(known.startswith(place) for known in findings):
        findings[f"{place}: {str(error)[:200]}"] = number


def _place(error: BaseException) -> str:
    """The kind of an error and the lines that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "hushd" in frame.filename] or frames
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(ours[-3:]))
    return f"{type(error).__name__} ({where})"
