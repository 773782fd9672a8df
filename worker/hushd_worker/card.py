"""Lists NVIDIA's graphics cards that this process can see, and measures its memory on each.

A worker measures its own share once it computes on a card. `python -m hushd_worker.card` prints the free memory of each
card, or why the cards cannot be seen: the supervisor, which loads no driver, runs it before a start that needs a card.
Both name a card by its place on the PCI bus, such as `0000:65:00.0`. Opening a sleeping card would wake it, so it is
skipped; the kernel reports its sleep in `runtime_status`.

A start waits for that program, so this module and its imports import little: without dataclasses and pathlib it takes 9
ms less.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Protocol

from hushd_protocol.cards import COUNTED, STAND_IN, Card
from hushd_protocol.system.footprint import descendants
from hushd_protocol.system.graphics_cards import nvidia

from .nvml import Nvml

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_CONTROL = "/dev/nvidiactl"  # device that programs open to use NVIDIA's cards; a container without cards has none


class Driver(Protocol):
    """A driver of graphics cards, as far as hushd uses it; `id` is a card's place on the bus."""

    def ids(self) -> list[str]:
        """Returns the cards in the order of their places on the bus, by which CUDA numbers them for us."""

    def asleep(self, id: str) -> bool: ...

    def uuid(self, id: str) -> str: ...

    def name(self, id: str) -> str: ...

    def memory(self, id: str) -> tuple[int, int]:
        """Returns all memory, and the free part."""

    def processes(self, id: str) -> dict[int, int]:
        """Returns the memory of each process that computes on the card, by its pid."""


def cards(driver: Driver, environment: Mapping[str, str] = os.environ) -> list[Card]:
    """Returns the cards visible to a process with this `environment`, in CUDA's order."""
    shown = enumerate(_shown(driver, environment))
    return [card for number, id in shown if (card := _card(driver, f"{COUNTED}:{number}", id))]


def memory_used(driver: Driver | None = None, environment: Mapping[str, str] = os.environ) -> dict[str, int]:
    """Returns the memory of this process and its descendants on each card, with the CUDA context.

    In a container the driver reports the host's process numbers. There a card's only process counts as this one; with
    several the memory is unknown.
    """
    driver = driver or default()
    if driver is None:
        return {}
    ours = {os.getpid(), *map(int, descendants("self"))}
    return {id: size for id in _shown(driver, environment) if (size := _used_on(driver, id, ours))}


def _used_on(driver: Driver, id: str, ours: set[int]) -> int:
    try:
        sizes = {} if driver.asleep(id) else driver.processes(id)
    except OSError:  # the card has fallen off the bus: the engine will report that
        return 0
    if not ours.isdisjoint(sizes):
        return sum(size for pid, size in sizes.items() if pid in ours)
    return sum(sizes.values()) if len(sizes) == 1 else 0


@functools.cache
def default() -> Driver | None:
    """Returns the driver of this machine; None if there is none, or it fails."""
    try:
        return _driver()
    except OSError:
        return None


def probe(environment: Mapping[str, str] = os.environ) -> dict[str, object]:
    """Returns the `cards`, and the `error`, a clause, if the kernel lists cards that the driver does not show us."""
    bound = [each.place for each in nvidia() if each.driver == "nvidia"]
    try:
        driver = _driver()
        error = unseen(bound, driver.ids())
    except OSError as failed:
        driver, error = None, unseen(bound, (), str(failed))
    seen = cards(driver, environment) if driver else []
    return {"cards": [card._asdict() for card in seen], "error": error}


def unseen(bound: Sequence[str], ids: Sequence[str], why: str = "") -> str:
    """Returns the clause for cards that the kernel lists, with their driver `bound`, if the driver lists none of any.

    In a container without cards, which has the kernel's list too, nothing is wrong.
    """
    if not bound or ids or not os.path.exists(_CONTROL):
        return ""
    listed = f"the kernel lists NVIDIA's card {', '.join(bound)}"
    return f"{listed}, and its driver does not ({why or 'it counts none'}): see whether nvidia-smi lists it"


def _driver() -> Driver:
    if not (stand_in := os.environ.get(STAND_IN)):
        return Nvml([each.place for each in nvidia()])

    module, _, argument = stand_in.partition(":")
    driver: Driver = import_module(module).driver(argument)
    return driver


def _shown(driver: Driver, environment: Mapping[str, str]) -> Iterator[str]:
    """Yields the places of the cards that CUDA's variable names, up to the first one that does not exist."""
    places = driver.ids()
    visible = environment.get(_VISIBLE)
    if visible is None:
        yield from places
        return
    for word in (word.strip() for word in visible.split(",")):
        if word.isascii() and word.isdigit() and int(word) < len(places):
            yield places[int(word)]
        elif word.startswith("GPU-") and (named := [id for id in places if driver.uuid(id).startswith(word)]):
            yield named[0]
        else:  # a part of a card (MIG) does not count
            return


def _card(driver: Driver, device: str, id: str) -> Card | None:
    """Returns the present state of a card; None if it no longer answers."""
    try:
        if driver.asleep(id):
            return Card(device, id, asleep=True)
        total, free = driver.memory(id)
        return Card(device, id, driver.name(id), total, free)
    except OSError:
        return None


if __name__ == "__main__":
    print(json.dumps(probe()))
