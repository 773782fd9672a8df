"""Lists the graphics cards that this process can see, and measures its memory on each.

It finds NVIDIA's cards by the driver, AMD's and Intel's by the kernel's files. Vulkan can use each of them, too.

A worker measures its own share once it computes on a card. `python -m hushd_worker.card` prints the free memory of each
card: the supervisor, which loads no driver, runs it before a start that needs a card. Both name a card by its place on
the PCI bus, such as `0000:65:00.0`. Opening a sleeping card would wake it, so it is skipped; the kernel reports its
sleep in `runtime_status`.

A start waits for that program, so this module and its imports import little: without dataclasses and pathlib it takes 9
ms less.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator, Mapping

from hushd_protocol.cards import KINDS, PLACE, STAND_IN, Card
from hushd_protocol.system.footprint import descendants

from .drivers import Driver, Drivers, drivers

_VISIBLE = {"cuda": "CUDA_VISIBLE_DEVICES", "rocm": "HIP_VISIBLE_DEVICES"}


def cards(driver: Driver, environment: Mapping[str, str] = os.environ) -> list[Card]:
    """Returns the cards visible to a process with this `environment`; Vulkan shows the cards that no other interface
    hides."""
    names = {
        id: f"{api}:{number}" for api in _VISIBLE for number, id in enumerate(_shown(driver, api, environment))
    } | {id: "" for id in driver.ids() if not driver.api(id)}
    vulkans = {id: f"vulkan:{number}" for number, id in enumerate(sorted(filter(driver.counts, names)))}
    shown = (_card(driver, names[id] or name, id, name if names[id] else "") for id, name in vulkans.items())
    return sorted(filter(None, shown), key=_rank)


def taken(driver: Driver | None = None, environment: Mapping[str, str] = os.environ) -> dict[str, int]:
    """Returns the memory of this process and its descendants on each card, with the CUDA context.

    In a container the driver reports the host's process numbers. There a card's only process counts as this one; with
    several the memory is unknown.
    """
    driver = driver or default()
    if driver is None:
        return {}
    ours = {os.getpid(), *map(int, descendants("self"))}
    if place := environment.get(PLACE):
        shown = [id for id in driver.ids() if id == place]
    else:
        shown = [id for api in _VISIBLE for id in _shown(driver, api, environment) if driver.counts(id)]
    return {id: size for id in shown if (size := _taken(driver, id, ours))}


def _taken(driver: Driver, id: str, ours: set[int]) -> int:
    try:
        sizes = {} if driver.asleep(id) else driver.processes(id)
    except OSError:  # the card has fallen off the bus: the engine will report that
        return 0
    if not ours.isdisjoint(sizes):
        return sum(size for pid, size in sizes.items() if pid in ours)
    return sum(sizes.values()) if len(sizes) == 1 else 0


@functools.cache
def default() -> Driver | None:
    """Returns the driver of this machine; None if there is none."""
    if stand_in := os.environ.get(STAND_IN):
        from importlib import import_module

        module, _, argument = stand_in.partition(":")
        driver: Driver = import_module(module).driver(argument)
        return driver
    known = drivers()
    return Drivers(known) if len(known) > 1 else known[0] if known else None


def _shown(driver: Driver, api: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Yields the places of the cards that an interface's variable names, up to the first one that does not exist."""
    places = [id for id in driver.ids() if driver.api(id) == api]
    visible = environment.get(_VISIBLE[api])
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


def _rank(card: Card) -> tuple[int, int]:
    kind, _, number = card.device.partition(":")
    return KINDS.index(kind), int(number)


def _card(driver: Driver, device: str, id: str, also: str) -> Card | None:
    """Returns the present state of a card; None if it no longer answers."""
    try:
        if driver.asleep(id):
            return Card(device, id, asleep=True, also=also)
        total, free = driver.memory(id)
        return Card(device, id, driver.name(id), total, free, also=also)
    except OSError:
        return None


if __name__ == "__main__":
    driver = default()
    print(json.dumps({"cards": [card._asdict() for card in cards(driver)] if driver else []}))
