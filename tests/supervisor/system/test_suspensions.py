"""The children that suspend and restore processes: what the pool hears of them, whatever they do."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import zmq
from hushd_supervisor.core.actions import Restore, Suspend
from hushd_supervisor.core.events import Event, Restored, Suspended
from hushd_supervisor.system.process import Limits
from hushd_supervisor.system.question import Answer
from hushd_supervisor.system.suspensions import Suspensions

WORKER = ("stt/whisper/base", 7)


@pytest.fixture
def source(tmp_path: Path) -> Suspensions:
    return Suspensions(zmq.Poller(), Limits().launch, tmp_path, lambda: {WORKER: os.getpid()})


@pytest.mark.parametrize(("answer", "event"), [
    ({"error": "", "lost": False}, Suspended(*WORKER)),
    ({"error": "too old", "lost": False}, Suspended(*WORKER, "too old")),
    ({"error": "it failed", "lost": True}, Suspended(*WORKER, "it failed", lost=True)),
    ({}, Suspended(*WORKER, "the answer makes no sense", lost=True)),
    (
        "its process has ended with status -9.",
        Suspended(*WORKER, "its process has ended with status -9", lost=True),
    ),
    ("there was no answer in 10 s.", Suspended(*WORKER, "there was no answer in 10 s", lost=True)),
])  # fmt: skip
def test_what_becomes_of_the_answer(
    source: Suspensions, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | str, event: Event
) -> None:
    """The driver's word is passed on; a child that dies, or says nothing that makes sense in its time, may have done
    anything. (How children end: test_describe.py.)"""
    answered = Answer("suspension-0", error=answer) if isinstance(answer, str) else Answer("suspension-0", answer)
    monkeypatch.setattr(source, "ask", lambda *_: None)
    assert list(source.actions()[Suspend](Suspend(*WORKER))) == []
    monkeypatch.setattr(source, "answers", lambda *_: [answered])
    assert list(source.events({}, 0.0)) == [event]


def test_the_process_is_named_to_the_child(source: Suspensions, monkeypatch: pytest.MonkeyPatch) -> None:
    """The act is named, too."""
    program = "import json, sys; print(json.dumps({'error': ' '.join(sys.argv[1:]), 'lost': True}))"
    command = source._command
    monkeypatch.setattr(source, "_command", lambda name: [sys.executable, "-c", program, *command(name)[-2:]])
    for action, event in (
        (Restore(*WORKER), Restored(*WORKER, f"restore {os.getpid()}")),
        (Suspend(*WORKER), Suspended(*WORKER, f"suspend {os.getpid()}", lost=True)),
    ):
        assert list(source.actions()[type(action)](action)) == []
        while not (found := list(source.events(dict(source._poller.poll(200)), time.monotonic()))):
            pass
        assert found == [event]


def test_a_process_that_has_ended(source: Suspensions) -> None:
    """Its exit is told by others: nothing is started."""
    source._pids = dict
    assert list(source.actions()[Suspend](Suspend(*WORKER))) == []
    assert source.deadline() is None
