"""The supervisor's side of the memory treaty: its file and its socket, docs/TREATY.md. Loaded only where configured."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Protocol

import zmq
from hushd_treaty.memory_treaty import Give, Held, Holder

from hushd_supervisor.core.actions import Action, Gave
from hushd_supervisor.core.events import Asked, Event, GivenBack
from hushd_supervisor.core.treaty import Offer

from .source import Outcome, Perform, Source

NAME = "hushd"
TURN = 16  # requests that the pool decides about in a turn of the loop
EVERY_S = 1.0  # the file is written no more often
MB = 1_000_000  # a size that has changed by less is not worth a write


class Lists(Protocol):
    """The pool, as far as it is concerned."""

    def offers(self, now: float) -> tuple[Offer, ...]: ...


class Treaty(Source):
    """Publishes what the pool's workers hold, and passes on what others ask for.

    Args:
        record: writes to the supervisor's log (level, text).
        clock, wall: monotonic seconds, which the pool counts in, and Unix time, which the treaty does.

    Raises:
        OSError: the folder cannot be made, or is not this user's alone.
    """

    def __init__(
        self,
        pool: Lists,
        record: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._pool, self._record, self._clock, self._wall = pool, record, clock, wall
        self._holder = Holder(NAME)
        self._asking: dict[bytes, Give] = {}  # that are not answered, by claim
        self._published: tuple[Offer, ...] = ()
        self._next = -math.inf  # when the file may be written again
        self._due = math.inf  # when it is
        self._closed = False

    def register(self, poller: zmq.Poller) -> None:
        poller.register(self._holder.fileno(), zmq.POLLIN)

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Gave: self._answer}

    def deadline(self) -> float | None:
        return None if self._due == math.inf else self._due

    def on_time(self, now: float) -> Iterable[Event]:
        if self._due <= now:
            self._publish(now)
        return ()

    def events(self, ready: Container[object], now: float) -> Iterator[Event]:
        if self._closed or self._holder.fileno() not in ready:
            return
        for number, request in enumerate(self._holder.requests()):
            if isinstance(request, Give) and number >= TURN:
                request.answer(0, why="Too many ask hushd at once.")
            elif isinstance(request, Give):
                claim = request.claim.encode()
                self._asking[claim] = request
                since = self._clock() - (self._wall() - request.since)
                yield Asked(claim, request.bytes, request.card, request.for_s, since)
            else:
                yield GivenBack(request.encode())

    def look(self, event: Event, now: float) -> None:
        """Writes the file where the event has changed its content, or in a moment."""
        if self._due == math.inf and not self._closed:
            if now >= self._next:
                self._publish(now)
            else:
                self._due = self._next

    def close(self) -> None:
        self._closed, self._due = True, math.inf
        self._holder.close()

    def _answer(self, action: Gave) -> Iterable[Outcome]:
        if give := self._asking.pop(action.claim, None):
            give.answer(action.size, action.within_s, action.why)
        return ()

    def _publish(self, now: float) -> None:
        self._due, self._next = math.inf, now + EVERY_S
        offers = self._pool.offers(now)
        if _rounded(offers) == _rounded(self._published):
            return
        self._published = offers
        begun = self._wall() - self._clock()  # when the monotonic clock began
        try:
            self._holder.publish(
                Held(
                    offer.name,
                    offer.ram,
                    dict(offer.cards),
                    None if offer.idle_since is None else round(begun + offer.idle_since, 1),
                    round(offer.reload_s, 1),
                    offer.pinned,
                )
                for offer in offers
            )
        except OSError as error:
            self._record("warning", f"the memory treaty's file cannot be written: {error}")


def _rounded(offers: tuple[Offer, ...]) -> list[Offer]:
    """Offers in MB and whole seconds: `idle_since` is a difference, whose last digits change at each look."""
    times = (None if offer.idle_since is None else round(offer.idle_since) for offer in offers)
    return [offer._replace(ram=offer.ram // MB, idle_since=time) for offer, time in zip(offers, times, strict=True)]
