"""A supervisor in which calls of the loop fail, as if there were no memory: run in front of its own command line.

While the file `short` in its runtime folder holds a number N, the loop's Nth call from then on raises a `MemoryError`,
once; then the file is gone. Whoever removes it sooner calls it off. Calls are those of every source, every action, and
the poller; and the look for room, which finds none then. A request with the parameter `half` has its decision fail in
the middle, where nothing can be taken back.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hushd_protocol.messages import Request
from hushd_supervisor.__main__ import main
from hushd_supervisor.core import requests
from hushd_supervisor.system import loop
from hushd_supervisor.system.source import Source

METHODS = ("deadline", "on_time", "events", "unread", "look", "leave", "finish", "close")


class Shortage:
    """Counts the calls down."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._left: int | None = None

    def strikes(self) -> bool:
        """Returns whether this call is the one that fails."""
        if not self._file.exists():
            self._left = None
            return False
        if self._left is None:
            self._left = int(self._file.read_text() or 0)
        self._left -= 1
        if self._left >= 0:
            return False
        self._left = None
        self._file.unlink(missing_ok=True)  # it may be called off this moment
        return True

    def short(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if self.strikes():
                raise MemoryError
            return call(*arguments, **options)

        return wrapped

    def reading(self, call: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """Fails before an event is read, too."""

        def wrapped(*arguments: Any) -> Iterator[Any]:
            events = iter(call(*arguments))
            while True:
                if self.strikes():
                    raise MemoryError
                try:
                    event = next(events)
                except StopIteration:
                    return
                yield event

        return wrapped


def shorten(shortage: Shortage) -> None:
    """Has the calls of every loop that is made from now on fail where `shortage` says so."""
    original = loop.Loop.__init__

    def made(self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)

        def wrapped(source: Source) -> Any:
            methods = {name: shortage.short(getattr(source, name)) for name in METHODS}
            return SimpleNamespace(**methods | {"events": shortage.reading(source.events)})

        sources = {id(source): wrapped(source) for source in self._sources}
        for name in ("_sources", *(name for name in vars(self) if name.startswith("_with_"))):
            setattr(self, name, [sources[id(source)] for source in getattr(self, name)])
        self._performers = {kind: shortage.short(perform) for kind, perform in self._performers.items()}
        pool, poller, makes_room = self._pool, self._poller, self._reserve.makes_room
        self._pool = SimpleNamespace(handle=pool.handle, on_time=pool.on_time, deadline=shortage.short(pool.deadline))
        self._poller = SimpleNamespace(poll=shortage.short(poller.poll))
        self._reserve.makes_room = lambda: not shortage.strikes() and makes_room()

    loop.Loop.__init__ = made  # type: ignore[method-assign]


def halve() -> None:
    """Has the decision about a request with the parameter `half` fail once all is noted and nothing said."""
    original = requests.Requests.submit

    def submit(self: Any, route: bytes, message: Request, now: float) -> list[Any]:
        actions = original(self, route, message, now)
        if message.params.get("half"):
            raise MemoryError
        return actions

    requests.Requests.submit = submit  # type: ignore[method-assign]


if __name__ == "__main__":
    halve()
    shorten(Shortage(Path(os.environ["HUSHD_RUNTIME_DIR"]) / "short"))
    sys.exit(main(sys.argv[sys.argv.index("hushd_supervisor") + 1 :]))
