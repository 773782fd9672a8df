"""Asks servers, each on a thread of its own, so that one that hangs, or sends a byte a second, delays nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from threading import Thread
from typing import TypeVar

from . import kinds
from .choice import Named
from .holding import Failed, Holding
from .server import Server
from .settings import NeighbourSettings

T = TypeVar("T")


def looks(known: Mapping[str, NeighbourSettings], ends: float) -> dict[str, list[Holding] | str]:
    """Returns the models that each server holds, or the sentence why they are not known, in the order of `known`."""
    calls = [partial(kinds.look, _server(each, ends), each.kind) for each in known.values()]
    return dict(zip(known, _answers(calls, ends), strict=True))


def gives(known: Mapping[str, NeighbourSettings], chosen: Iterable[Named], ends: float) -> list[str]:
    """Has servers unload models; returns the sentence why not for each, empty if it has."""

    def give(name: str, holding: Holding) -> str:
        kinds.give(_server(known[name], ends), known[name].kind, holding)
        return ""

    return _answers([partial(give, *each) for each in chosen], ends)


def _server(each: NeighbourSettings, ends: float) -> Server:
    """Returns a neighbour's server, whose calls end at `ends`."""
    return Server(each.url, each.token, ends)


def _answers(calls: Iterable[Callable[[], T]], ends: float) -> list[T | str]:
    """Returns what each call has returned by the time `ends`, or the sentence why not."""
    answers: list[T | str] = []
    threads = []
    for number, call in enumerate(calls):
        answers.append("The server did not answer in time.")
        threads.append(Thread(target=_answer, args=(answers, number, call), daemon=True))
        threads[-1].start()
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    return [*answers]


def _answer(answers: list[T | str], number: int, call: Callable[[], T]) -> None:
    try:
        answers[number] = call()
    except Failed as error:
        answers[number] = str(error)
