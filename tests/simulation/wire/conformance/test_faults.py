"""Faults planted in the simulated ZeroMQ: the scripts of the conformance test notice each of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from simulation.wire import codec, core, engine, patterns, pipe, queues, session
from simulation.wire.conformance.by_hand import BY_HAND
from simulation.wire.conformance.drawn import drawn
from simulation.wire.conformance.play import play
from simulation.wire.conformance.sides import Simulated

SCRIPTS = [*BY_HAND.values(), *map(drawn, range(60))]


def _always(value: object) -> Callable[..., object]:
    return lambda *_values, **_options: value


def _unfair(self: queues.FairQueue) -> None:
    if self._open:
        self._open[1].count(self._open[0])
        self._open = None


def _first_come(self: queues.RoundRobin, message: pipe.Message) -> bool:
    for each in self._pipes:
        if each.write(message):
            each.flush()
            return True
    return False


def _impatient(self: pipe.Pipe) -> None:
    self.inbox.clear()
    self._acknowledge()


def _eager(self: pipe.Pipe, message: pipe.Message) -> None:
    if not message.introduces:
        self._read += 1
        self.peer.thread.post(lambda read=self._read: self.peer._credit(read))  # type: ignore[misc]


def _deaf(self: engine.Engine, hung_up: bool, writable: bool) -> None:
    _note(self, hung_up and not self._input_stopped, writable)


_note = engine.Engine.note


def _same_number(self: patterns.Router, attached: pipe.Pipe) -> bool:
    self._next = 7
    self._pipes.pop(b"\0" + (7).to_bytes(4), None)
    return _identify(self, attached)


_identify = patterns.Router._identify
_event = core.Core.event


def _without(name: str) -> Callable[..., None]:
    def event(self: core.Core, told: str, value: int, endpoint: str) -> None:
        if told != name:
            _event(self, told, value, endpoint)

    return event


def _end_at_once(self: session.Session, linger: int) -> None:
    _end(self, 0)


_end = session.Session.end

FAULTS: dict[str, tuple[object, str, object]] = {
    "one connection is read until it is empty": (queues.FairQueue, "finish", _unfair),
    "a DEALER writes to the first connection that takes it": (queues.RoundRobin, "write", _first_come),
    "messages are lost with their sender": (pipe.Pipe, "_asked_to_leave", _impatient),
    "queues have no limit": (pipe.Pipe, "has_room", _always(True)),
    "each message that is read makes room at once": (pipe.Pipe, "count", _eager),
    "frames of any size are taken": (codec.Decoder, "_check", _always(None)),
    "all connections have one number": (patterns.Router, "_identify", _same_number),
    "who is gone is not an error": (patterns.Router, "begin", _always(None)),
    "nothing lingers": (session.Session, "end", _end_at_once),
    "the end of a connection is not told": (core.Core, "event", _without("DISCONNECTED")),
    "a refused connection is not told": (core.Core, "event", _without("CLOSED")),
    "with -1 the unread messages stay": (core.Core, "drop", _always(None)),
    "a connection that hangs up while it is not read loses nothing": (engine.Engine, "note", _deaf),
    "pings are not answered": (engine.Engine, "_obey", _always(None)),
    "every frame is a message": (codec, "MORE", 0),
}


def differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: tuple[object, str, object]) -> bool:
    """Returns whether any script shows the fault, or fails by it."""
    for number, script in enumerate(SCRIPTS):
        shown: list[object] = []
        for planted in (False, True):
            folder = tmp_path / f"{number}{planted}"
            folder.mkdir()
            side = Simulated(folder, number)
            with monkeypatch.context() as patch:
                if planted:
                    patch.setattr(*fault)
                try:
                    shown.append(play(side, script, str(folder)))
                except Exception as error:
                    shown.append(repr(error))
                finally:
                    patch.undo()
                    side.close()
        if shown[0] != shown[1]:
            return True
    return False


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_noticed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the parties of some script see."""
    assert differs(tmp_path, monkeypatch, FAULTS[name])
