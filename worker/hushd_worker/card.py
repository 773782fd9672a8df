"""The graphics cards that this process sees, and the memory that it takes of each.

A worker asks for its own share once it computes on a card. `python -m hushd_worker.card` prints what is free on each:
the supervisor, which loads no driver, runs it before a start that needs a card. Both name a card by its place on the
PCI bus, such as `0000:65:00.0`. To open a card would wake it, so one that sleeps is not asked: the kernel says so in
`runtime_status`.

A start waits for that program, so this module and those that it needs import little: without dataclasses and pathlib it
takes 9 ms less.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator, Mapping
from typing import Protocol

from hushd_protocol.cards import STAND_IN, Card
from hushd_protocol.system.footprint import descendants


class Driver(Protocol):
    """The part of a card's driver that is used here; `id` is a place on the bus."""

    def ids(self) -> list[str]:
        """The cards, in the order of their places on the bus."""

    def asleep(self, id: str) -> bool: ...

    def uuid(self, id: str) -> str: ...

    def name(self, id: str) -> str: ...

    def memory(self, id: str) -> tuple[int, int]:
        """All memory, and the free part."""

    def processes(self, id: str) -> dict[int, int]:
        """The memory of each process that computes on the card, by its pid."""


def cards(driver: Driver, environment: Mapping[str, str] = os.environ) -> list[Card]:
    """The cards that CUDA shows to a process with this `environment`."""
    shown = enumerate(_shown(driver, environment.get("CUDA_VISIBLE_DEVICES")))
    return [card for number, id in shown if (card := _card(driver, f"cuda:{number}", id))]


def taken(driver: Driver | None = None, environment: Mapping[str, str] = os.environ) -> dict[str, int]:
    """The memory that this process and those that it started take of each card, its CUDA context included.

    In a container the driver names processes by numbers of the host. There a card's only process is taken for this one;
    among several nothing is known.
    """
    driver = driver or default()
    if driver is None:
        return {}
    ours = {os.getpid(), *map(int, descendants("self"))}
    shown = _shown(driver, environment.get("CUDA_VISIBLE_DEVICES"))
    return {id: size for id in shown if (size := _taken(driver, id, ours))}


def _taken(driver: Driver, id: str, ours: set[int]) -> int:
    try:
        sizes = {} if driver.asleep(id) else driver.processes(id)
    except OSError:  # it has fallen off the bus: the engine will say so
        return 0
    if not ours.isdisjoint(sizes):
        return sum(size for pid, size in sizes.items() if pid in ours)
    return sum(sizes.values()) if len(sizes) == 1 else 0


@functools.cache
def default() -> Driver | None:
    """The driver of this machine; None where there is none."""
    if stand_in := os.environ.get(STAND_IN):
        from importlib import import_module

        module, _, argument = stand_in.partition(":")
        driver: Driver = import_module(module).driver(argument)
        return driver
    from .nvml import Nvml
    from .pci import nvidia_cards

    try:
        return Nvml(nvidia_cards())
    except OSError:  # no driver
        return None


def _shown(driver: Driver, visible: str | None) -> Iterator[str]:
    """The places of the cards that `visible` (CUDA_VISIBLE_DEVICES) names, up to the first that there is not."""
    places = driver.ids()
    if visible is None:
        yield from places
        return
    for word in (word.strip() for word in visible.split(",")):
        if word.isascii() and word.isdigit() and int(word) < len(places):
            yield places[int(word)]
        elif word.startswith("GPU-") and (named := [id for id in places if driver.uuid(id).startswith(word)]):
            yield named[0]
        else:  # a part of a card (MIG) is none that we count
            return


def _card(driver: Driver, device: str, id: str) -> Card | None:
    """A card as it is now; None where it no longer answers."""
    try:
        if driver.asleep(id):
            return Card(device, id, asleep=True)
        total, free = driver.memory(id)
        return Card(device, id, driver.name(id), total, free)
    except OSError:
        return None


if __name__ == "__main__":
    driver = default()
    print(json.dumps({"cards": [card._asdict() for card in cards(driver)] if driver else []}))
