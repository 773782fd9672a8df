"""The child's side of the dialogue with the supervisor: requests in, a line for each answer out.

Each neighbour is asked on a separate thread, so that none waits for another; the thread of a server that hangs ends
with the process. A whole round takes at most `deadline_s`, and its look only a part of that, so that time is left to
ask for models.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, Queue
from typing import IO, Any

from . import kinds
from .holding import Failed, Holding
from .server import Server

MAX_LINE = 1 << 20  # bytes
_USUAL_S = 10.0
_LOOK = 0.4  # of the time is for the look
_MIN_S = 1.0  # for a request after a long look
Line = dict[str, Any]
_LATE: Line = {"failed": "The server did not answer in time."}


class Neighbour:
    """A neighbour, from the supervisor's first line."""

    def __init__(self, line: Line) -> None:
        self.name = str(line["name"])
        self.url = str(line.get("url", ""))
        self._kind = str(line["kind"])
        self._token = str(line.get("token") or "")

    def look(self, ends: float) -> list[Holding]:
        """Returns the models that it holds.

        Raises:
            Failed: if it does not list them.
        """
        return kinds.kind_of(self._kind).look(Server(self.url, self._token, ends))

    def give(self, holding: Holding, ends: float, since: float = 0) -> Line:
        """Makes it unload a model; the answer says how to undo that, if the server does not load the model again
        itself.

        Raises:
            Failed: if it does not.
        """
        kind = kinds.kind_of(self._kind)
        kinds.give(Server(self.url, self._token, ends, since), kind, holding)
        undo = {"neighbour": self.name, "model": holding.model, "by": "wake_up"} if kind.wake else None
        return {"gave": True, "wake": undo}

    def wake(self, model: str, ends: float) -> Line:
        """Undoes `give`.

        Raises:
            Failed: if it does not wake.
        """
        if wake := kinds.kind_of(self._kind).wake:
            wake(Server(self.url, self._token, ends), model)
        return {"woken": True}


class Talk:
    """The requests of one supervisor, each answered by `write`, which any thread may call."""

    def __init__(self, first: Line, write: Callable[[Line], None]) -> None:
        self._neighbours = {neighbour.name: neighbour for neighbour in map(Neighbour, first["neighbours"])}
        self._deadline_s = float(first.get("deadline_s", _USUAL_S))
        self._ends = self._since = 0.0
        self._write = write

    def do(self, request: Line) -> None:
        """Begins a request; its answers follow when they are ready."""
        now = time.monotonic()
        what, name = request["do"], str(request.get("neighbour", ""))
        if what == "look":
            self._ends, self._since = now + self._deadline_s, time.time()
            threading.Thread(target=self._look, args=(now + self._deadline_s * _LOOK,), daemon=True).start()
        elif what in ("give", "wake"):
            ends = max(self._ends, now + _MIN_S) if self._ends else now + self._deadline_s
            holding = Holding(str(request["model"]), request.get("ram", 0), request.get("cards", {}))
            threading.Thread(target=self._ask, args=(what, name, holding, ends), daemon=True).start()

    def _look(self, ends: float) -> None:
        for name, line in looks(self._neighbours.values(), ends):
            self._write({"neighbour": name, **line})
        self._write({"looked": True})

    def _ask(self, what: str, name: str, holding: Holding, ends: float) -> None:
        known = self._neighbours.get(name)
        if known is None:
            answer: Line = {"failed": "No neighbour of that name is configured."}
        elif what == "give":
            answer = within(lambda: known.give(holding, ends, self._since), ends)
        else:
            answer = within(lambda: known.wake(holding.model, ends), ends)
        self._write({"neighbour": name, "model": holding.model, **answer})


def looks(neighbours: Iterable[Neighbour], ends: float) -> Iterator[tuple[str, Line]]:
    """Asks all neighbours at once; yields the name and the line of each as it answers, and finally of those that did
    not."""
    answers: Queue[tuple[str, Line]] = Queue()

    def ask(neighbour: Neighbour) -> None:
        line = answered(lambda: {"holds": [holding._asdict() for holding in neighbour.look(ends)]})
        answers.put((neighbour.name, line))

    waiting = {neighbour.name: neighbour for neighbour in neighbours}
    for neighbour in waiting.values():
        threading.Thread(target=ask, args=(neighbour,), daemon=True).start()
    while waiting:
        try:
            name, line = answers.get(timeout=max(0.0, ends - time.monotonic()))
        except Empty:
            break
        del waiting[name]
        yield name, line
    for name in waiting:
        yield name, _LATE


def within(act: Callable[[], Line], ends: float) -> Line:
    """Returns the line that `act` makes, or an error line if it takes too long."""
    lines: Queue[Line] = Queue()
    threading.Thread(target=lambda: lines.put(answered(act)), daemon=True).start()
    try:
        return lines.get(timeout=max(0.0, ends - time.monotonic()))
    except Empty:
        return _LATE


def answered(act: Callable[[], Line]) -> Line:
    """Returns the line that `act` makes, or the sentence of its failure."""
    try:
        return act()
    except Failed as error:
        return {"failed": str(error)}
    except Exception as error:  # a bug of hushd's must not be silent
        return {"failed": f"hushd does not understand the server ({type(error).__name__})."}


def run(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answers the supervisor's lines until they end."""
    lock = threading.Lock()

    def write(line: Line) -> None:
        with lock:
            answers.write(json.dumps(line).encode() + b"\n")
            answers.flush()

    first = requests.readline(MAX_LINE)
    if not first:
        return
    talk = Talk(json.loads(first), write)
    while line := requests.readline(MAX_LINE):
        talk.do(json.loads(line))


def main() -> int:
    try:
        run(sys.stdin.buffer, sys.stdout.buffer)
    except (ValueError, KeyError, TypeError, BrokenPipeError) as error:
        print(f"hushd_neighbours: the supervisor's request is invalid ({type(error).__name__}).", file=sys.stderr)
        return 1
    return 0
