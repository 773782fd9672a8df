"""The children that suspend and restore processes: what the pool hears of them, whatever they do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import zmq
from hushd_supervisor.core.actions import Restore, Suspend
from hushd_supervisor.core.events import Event, Restored, Suspended
from hushd_supervisor.system import suspensions
from hushd_supervisor.system.process import Limits

WORKER = ("stt/whisper/base", 7)


def answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, action: Suspend | Restore, program: str, limit: float = 30.0
) -> Event:
    """The event that follows from a child which runs `program`."""
    monkeypatch.setattr(suspensions, "LIMIT_S", limit)
    poller = zmq.Poller()
    source = suspensions.Suspensions(poller, Limits().launch, folder, lambda: {WORKER: os.getpid()})
    command = source._children._command
    monkeypatch.setattr(source._children, "_command", lambda name: [sys.executable, "-c", program, *command(name)[-2:]])
    for made in source.actions()[type(action)](action):  # type: ignore[call-arg]
        return made  # type: ignore[return-value]
    found: list[Event] = []
    while not found or source._children._questions:
        found += source.events(dict(poller.poll(200)), source._clock())
    (event,) = found
    return event


@pytest.mark.parametrize(
    ("says", "event"),
    [
        ('{"error": "", "lost": false}', Suspended(*WORKER)),
        ('{"error": "too old", "lost": false}', Suspended(*WORKER, "too old")),
        ('{"error": "it failed", "lost": true}', Suspended(*WORKER, "it failed", lost=True)),
        ("{}", Suspended(*WORKER, "the answer makes no sense", lost=True)),
    ],
)
def test_the_driver_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, event: Event) -> None:
    """Its word is passed on; whoever says nothing that makes sense may have done anything."""
    assert answer(tmp_path, monkeypatch, Suspend(*WORKER), f"print({says!r})") == event


def test_the_process_is_named_to_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the act."""
    program = "import json, sys; print(json.dumps({'error': ' '.join(sys.argv[1:]), 'lost': True}))"
    assert answer(tmp_path, monkeypatch, Restore(*WORKER), program) == Restored(*WORKER, f"restore {os.getpid()}")
    assert answer(tmp_path, monkeypatch, Suspend(*WORKER), program) == Suspended(
        *WORKER, f"suspend {os.getpid()}", lost=True
    )


@pytest.mark.parametrize(
    ("program", "says"),
    [("raise SystemExit('no')", "(no)"), ("import os; os.kill(os.getpid(), 9)", "ended with status")],
)
def test_a_child_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, says: str) -> None:
    """Nobody knows how far it came: the process is lost."""
    event = answer(tmp_path, monkeypatch, Suspend(*WORKER), program)
    assert isinstance(event, Suspended)
    assert event.lost
    assert says in event.error


def test_a_driver_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up, and the process with it."""
    event = answer(tmp_path, monkeypatch, Suspend(*WORKER), "import threading; threading.Event().wait()", 0.5)
    assert isinstance(event, Suspended)
    assert (event.lost, event.error.startswith("there was no answer in")) == (True, True)


def test_a_process_that_has_ended(tmp_path: Path) -> None:
    """Its exit is told by others: nothing is started."""
    source = suspensions.Suspensions(zmq.Poller(), Limits().launch, tmp_path, dict)
    assert list(source.actions()[Suspend](Suspend(*WORKER))) == []  # type: ignore[call-arg]
    assert source.deadline() is None
