"""Asks servers, each on a thread of its own, so that one that hangs delays nobody: every call ends with its time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from . import kinds
from .choice import Named
from .holding import Failed, Holding
from .server import Server
from .settings import NeighbourSettings

T = TypeVar("T")
MAX_AT_ONCE = 32


def looks(known: Mapping[str, NeighbourSettings], ends: float) -> dict[str, list[Holding] | str]:
    """Returns the models that each server holds, or the sentence why they are not known, in the order of `known`."""
    with ThreadPoolExecutor(MAX_AT_ONCE) as threads:
        asked: dict[str, Future[list[Holding] | str]] = {
            name: threads.submit(kinds.look, _server(each, ends), each.kind) for name, each in known.items()
        }
        return {name: _answer(answer) for name, answer in asked.items()}


def gives(known: Mapping[str, NeighbourSettings], chosen: Iterable[Named], ends: float) -> list[str]:
    """Has servers unload models; returns the sentence why not for each, empty if it has."""

    def give(name: str, holding: Holding) -> str:
        kinds.give(_server(known[name], ends), known[name].kind, holding)
        return ""

    with ThreadPoolExecutor(MAX_AT_ONCE) as threads:
        return [_answer(answer) for answer in [threads.submit(give, *each) for each in chosen]]


def _server(each: NeighbourSettings, ends: float) -> Server:
    """Returns a neighbour's server, whose calls end at `ends`."""
    return Server(each.url, each.token, ends)


def _answer(asked: Future[T]) -> T | str:
    try:
        return asked.result()
    except Failed as error:
        return str(error)
