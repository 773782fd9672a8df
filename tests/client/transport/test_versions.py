"""Supervisors of other versions, as they were recorded; tests/end_to_end/test_versions.py has real ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hushd.transport import versions
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Control, Error, Message, Result
from support.scripted_router import ScriptedRouter

Start = Callable[..., ScriptedRouter]


def oldest(router: ScriptedRouter, route: bytes, message: Message) -> None:
    """A supervisor as the first ones were: no floor in its status, and no `restart`."""
    if isinstance(message, Control) and message.action == "status":
        row = {"name": "stt/echo/a", "state": "ready", "queued": 0, "running": 0}
        router.send(route, Result(id=message.id, data={"workers": [row]}))
    elif isinstance(message, Control) and message.action == "shutdown":
        router.send(route, Result(id=message.id))
        router.send(route, Error(id=b"", code="shutting_down", message="Bye."))
    elif isinstance(message, Control):
        router.send(route, Error(id=message.id, code="unsupported", message=f"There is no control {message.action!r}."))


@pytest.mark.parametrize("action", ["restart", "shutdown"])
def test_the_first_supervisors_know_no_restart(start_router: Start, action: str) -> None:
    """They are shut down."""
    router = start_router(oldest)
    connection = versions.connect(router.path)
    versions.end(connection, action)
    assert connection.wait_lost(60)
    assert router.of(Control)[-1].action == "shutdown"


@pytest.mark.parametrize("action", ["restart", "shutdown"])
def test_one_that_leaves_already_is_waited_for(start_router: Start, action: str) -> None:
    """Two programs restart it at once: the second one has its wish too (simulation, seed 2160 with a door)."""

    def leaving(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Control):
            router.send(route, Error(id=message.id, code="shutting_down", message="hushd is shutting down."))
            router.send(route, Error(id=b"", code="shutting_down", message="Bye."))

    router = start_router(leaving)
    connection = versions.connect(router.path)
    versions.end(connection, action)
    assert connection.wait_lost(60)
    assert [control.action for control in router.of(Control)] == [action]


def test_an_older_supervisor_without_a_floor_is_idle(start_router: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A feature that it does not have it does not use."""
    router = start_router(oldest)
    monkeypatch.setattr(versions, "PROTOCOL", 2)
    versions.replace_older(router.path, HushdError("version_mismatch", "Older."))
    assert [control.action for control in router.of(Control)] == ["status", "shutdown"]
