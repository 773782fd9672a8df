"""`hushd neighbours give`: asks idle neighbours for what a start of a worker lacks, as `[memory] when_short` says."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import IO

from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError

from . import ask
from .choice import Shortfall, choose
from .holding import why_not
from .settings import NeighbourSettings

_GIVE_TIMEOUT_S = 9.0  # the supervisor kills it after ten seconds
_SERVERS_TIMEOUT_S = 4.0
_MAX_INPUT_BYTES = 4096


def give(known: Mapping[str, NeighbourSettings], question: IO[bytes]) -> None:
    """Has neighbours unload as few idle models as suffice, and prints who gave what. Raises `bad_request` if the
    question is not that of a supervisor, `server_busy` if nobody has given anything."""
    began = time.monotonic()
    shortfall = _shortfall(question)
    looks = ask.looks(known, began + _SERVERS_TIMEOUT_S)
    for name, held in looks.items():
        if isinstance(held, str):
            console.complain(f"{name}: {held}")
    listed = ((name, held) for name, held in looks.items() if not isinstance(held, str))
    idle = [(name, each) for name, held in listed for each in held if not why_not(each, known[name].idle)]
    chosen = choose(idle, shortfall)
    if not chosen:
        raise HushdError("server_busy", "No neighbours have idle models whose memory suffices.", 1000)
    failures = ask.gives(known, chosen, began + _GIVE_TIMEOUT_S)
    for (name, holding), failure in zip(chosen, failures, strict=True):
        if failure:
            console.complain(f"{name}: {failure}")
            continue
        console.write(f"{name} gave {holding.size / 1e9:.1f} GB ({holding.model})\n")
    if all(failures):
        raise HushdError("server_busy", "No neighbour has given its memory.", 1000)


def _shortfall(question: IO[bytes]) -> Shortfall:
    try:
        asked = json.loads(question.read(_MAX_INPUT_BYTES))
        shortfall = Shortfall(asked["ram"], asked["card"], asked["vram"])
        if shortfall and all(type(size) is int and size >= 0 for size in (shortfall.ram, shortfall.vram)):
            return shortfall
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise HushdError(
        "bad_request", 'The question must be an object such as {"ram": 0, "vram": 5300000000, "card": "0000:65:00.0"}.'
    )
