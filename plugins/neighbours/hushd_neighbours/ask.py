"""Asks servers, each on a thread of its own, so that one that hangs delays nobody: its thread ends with the process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from queue import Empty, Queue
from threading import Thread
from typing import TypeVar

from . import kinds
from .choice import Named
from .holding import Failed, Holding
from .server import Server
from .settings import NeighbourSettings

K = TypeVar("K")
T = TypeVar("T")
LATE = "The server did not answer in time."


def looks(known: Mapping[str, NeighbourSettings], ends: float) -> dict[str, list[Holding] | str]:
    """Returns the models that each server holds, or the sentence why they are not known, in the order of `known`."""
    return _at_once({name: partial(_look, each, ends) for name, each in known.items()}, ends)


def gives(
    known: Mapping[str, NeighbourSettings], chosen: Iterable[Named], ends: float
) -> dict[tuple[str, str], bool | str]:
    """Has servers unload models; returns True, or the sentence why not, for each, by its server and its own name."""
    asks = {(name, holding.model): partial(_give, known[name], holding, ends) for name, holding in chosen}
    return _at_once(asks, ends)


def _look(each: NeighbourSettings, ends: float) -> list[Holding]:
    return kinds.kind_of(each.kind).look(_server(each, ends))


def _give(each: NeighbourSettings, holding: Holding, ends: float) -> bool:
    kinds.give(_server(each, ends), kinds.kind_of(each.kind), holding)
    return True


def wake(each: NeighbourSettings, ends: float) -> None:
    """Wakes a server that sleeps.

    Raises:
        Failed: if it does not wake.
    """
    if wakes := kinds.kind_of(each.kind).wake:
        wakes(_server(each, ends))


def _server(each: NeighbourSettings, ends: float) -> Server:
    return Server(each.url, each.token, ends)


def _at_once(asks: Mapping[K, Callable[[], T]], ends: float) -> dict[K, T | str]:
    answers: Queue[tuple[K, T | str]] = Queue()
    for key, ask in asks.items():
        Thread(target=partial(_put, answers, key, ask), daemon=True).start()
    came: dict[K, T | str] = {}
    while len(came) < len(asks):
        try:
            key, answer = answers.get(timeout=max(0.0, ends - time.monotonic()))
        except Empty:
            break
        came[key] = answer
    return {key: came.get(key, LATE) for key in asks}


def _put(answers: Queue[tuple[K, T | str]], key: K, ask: Callable[[], T]) -> None:
    answers.put((key, _answer(ask)))


def _answer(ask: Callable[[], T]) -> T | str:
    try:
        return ask()
    except Failed as error:
        return str(error)
    except Exception as error:  # a bug of hushd's must not be silent
        return f"hushd does not understand the server ({type(error).__name__})."
