"""Models that do not fit together, and another program that takes most of the card."""

from __future__ import annotations

import time
from collections.abc import Iterator

from hushd import Client
from hushd_protocol.errors import HushdError

from ..stage import Row
from .speed import speech
from .stage import MIB, Stage, eventually, unload

REQUESTS = 100
SHARE = 0.8  # of the card's memory, taken by the other program
BESIDE = 10  # requests meanwhile
BACK_S = 90.0  # for a worker to be back on the card
_SHORT = ("no room", "enough free memory", "out of memory")


def alternating(stage: Stage) -> Iterator[Row]:
    """Alternates requests for two models, of which the card has room for one."""
    names = ("stt/faster-whisper/small", "stt/faster-whisper/other")
    if stage.stand_in:
        names = ("stt/card/12gb", "stt/card/13gb")
    reserve = 0.0 if stage.stand_in else _room_for_one(stage, names[0])
    full, lost, began = 0, 0, time.monotonic()
    with stage.supervisor(vram_reserve_mb=reserve) as (_, client):
        for number in range(REQUESTS):
            try:
                _ask(client, stage, names[number % 2])
            except HushdError as error:
                lost += 1
                full += any(words in error.message for words in _SHORT)
    note = f"{(time.monotonic() - began) / REQUESTS:.2f} s each, with the change of models"
    yield Row(f"{REQUESTS} requests, 2 models in turn: out of memory", full, "", "0", None, full == 0)
    yield Row(f"{REQUESTS} requests, 2 models in turn: lost", lost, "", "0", None, lost == 0, note)


def stranger(stage: Stage) -> Iterator[Row]:
    """Another program takes 80 % of the card during requests, and ends."""
    name = "stt/card/12gb" if stage.stand_in else "stt/faster-whisper/small"
    reserve = (1 - SHARE) * stage.total() / 1e6
    reserve = 0.0 if stage.stand_in else 1.2 * reserve
    unclear: list[str] = []
    with stage.supervisor(compute_device="auto", vram_reserve_mb=reserve) as (process, client):

        def asked() -> str:
            try:
                return _ask(client, stage, name)
            except HushdError as error:
                if error.code != "server_busy":
                    unclear.append(error.message)
                return ""

        first = asked()
        unload(client, process)
        with stage.stranger(SHARE):
            there = [asked() for _ in range(BESIDE)]
        back = eventually(asked, "cuda", BACK_S)
    answered = f"{sum(device == 'cpu' for device in there)} of {BESIDE} on the CPU, {there.count('')} server_busy"
    lost = len(unclear)
    yield Row("a stranger takes 80 %: requests lost", lost, "", "0", None, lost == 0, answered)
    ok = first == "cuda" and back is not None
    yield Row("back on the card after it has left", back, "s", f"<= {BACK_S:.0f}", None, ok)


def _ask(client: Client, stage: Stage, name: str) -> str:
    """Sends a request; returns the device that served it."""
    if stage.stand_in:
        client.preload(name)
    else:
        client.transcribe(speech(stage, 0), language="en", model=name.removeprefix("stt/"))
    return next(str(row.compute_device) for row in client.status().workers if row.name == name)


def _room_for_one(stage: Stage, name: str) -> float:
    """Returns the MB to leave free so that one model fits, but not two."""
    before = stage.used()
    with stage.supervisor() as (_, client):
        client.preload(name)
        need = stage.used() - before
    if need < MIB:
        return 0.0
    return (stage.total() - before - 1.5 * need) / 1e6
