"""The log's lines about requests: one when it ends, with its id, and no words said or heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.limits import BOUNDS_S
from hushd_protocol.messages import Error, Hello, Job, Request, Result
from hushd_supervisor.core.actions import Action, ToClient, ToWorker
from hushd_supervisor.core.events import ClientGone, Event, FromClient
from hushd_supervisor.system.log import Logged
from support.peer import CONFIG, Supervisor, wait_until

ID = bytes.fromhex("a1b2c3d4") + bytes(12)
SECRET = "albatross"
Lines = list[tuple[str, str, str]]


@pytest.fixture
def lines() -> Lines:
    return []


class Script:
    """A pool that answers each event with the next actions."""

    def __init__(self) -> None:
        self.actions: list[Action] = []

    def handle(self, event: Event, now: float) -> list[Action]:
        actions, self.actions = self.actions, []
        return actions

    def on_time(self, now: float) -> list[Action]:
        return self.handle(ClientGone(b"nobody"), now)

    def deadline(self) -> float | None:
        return None


class Opened:
    """A log that has seen a client, `agent`, ask for something."""

    def __init__(self, lines: Lines) -> None:
        def record(level: str, text: str, request: str = "") -> None:
            lines.append((level, text, request))

        self._script = Script()
        self.log = Logged(self._script, record)
        self.log.handle(FromClient(b"r", Hello(protocol=1, version="1", holder="agent", pid=7)), 0.0)
        request = Request(id=ID, worker="tts/a/b", op="synthesize", payload=SECRET.encode())
        self.log.handle(FromClient(b"r", request), 1.0)
        assert SECRET not in str(lines)
        lines.clear()

    def acts(self, action: Action, now: float) -> None:
        """The pool decides on an action."""
        self._script.actions.append(action)
        self.log.on_time(now)


def test_an_ending_is_one_line(lines: Lines) -> None:
    """Operation, worker, client, outcome, and how long it took and waited, in words."""
    log = Opened(lines)
    log.acts(ToWorker("tts/a/b", 1, Job(id=ID, op="synthesize", params={})), 1.5)
    log.acts(ToClient(b"r", Result(id=ID)), 3.0)
    log.acts(ToClient(b"r", Result(id=ID)), 4.0)  # of a control with that id, say
    text = "synthesize on tts/a/b for agent: done after 2.00 s, 0.50 of them waiting"
    assert lines == [("info", text, "a1b2c3d4")]


@pytest.mark.parametrize(("code", "expected"), [("worker_failed", "warning"), ("other_language", "info")])
def test_a_failure_is_a_warning_with_its_code_alone(lines: Lines, code: str, expected: str) -> None:
    """An error may quote the words said. A text for another voice counts as no failure: its client asks it."""
    error = Error(id=ID, code=code, message=f"Cannot say {SECRET}.")
    Opened(lines).acts(ToClient(b"r", error), 2.0)
    ((level, text, _),) = lines
    assert (level, text.split(": ")[1]) == (expected, f"{code} after 1.00 s, 1.00 of them waiting")
    assert SECRET not in str(lines)


def test_a_client_that_leaves_ends_its_requests(lines: Lines) -> None:
    """Nothing is sent to it any more, and nothing is remembered of it."""
    log = Opened(lines).log
    log.handle(ClientGone(b"r"), 2.0)
    assert lines[0][1].startswith("synthesize on tts/a/b for agent: cancelled after 1.00 s")
    assert [log._open, log._by_id, log._clients] == [{}, {}, {}]


def test_endings_are_counted_by_role(lines: Lines) -> None:
    """Each outcome is counted, with its times; a role that a client made up is not."""
    opened = Opened(lines)
    opened.acts(ToClient(b"r", Result(id=ID)), 1.5)
    for worker in ("tts/a/b", "nonsense"):
        opened.log.handle(FromClient(b"r", Request(id=ID, worker=worker, op="synthesize")), 10.0)
        opened.acts(ToClient(b"r", Error(id=ID, code="worker_failed", message="")), 14.0)
    (counted,) = opened.log.ended.status()
    assert (counted.role, counted.outcomes, counted.total_s) == ("tts", {"done": 1, "worker_failed": 1}, 4.5)
    assert (
        dict(zip(BOUNDS_S, counted.within, strict=True)).items() >= {0.25: 0, 0.5: 1, 2.5: 1, 5.0: 2, 300.0: 2}.items()
    )


def test_a_real_supervisor_says_nothing_of_it(start_supervisor: Any, runtime: Path) -> None:
    """No file of its state has the text, even at the level debug."""
    started: Supervisor = start_supervisor('log_level = "debug"\n' + CONFIG)
    with started.connect(holder="agent") as peer:
        peer.ask("echo", "tts/echo/a", payload=SECRET.encode(), credit=100)
        request = f"{peer.count.to_bytes(16, 'big').hex()[:8]}"
        log = started.log()
        files = [path for path in (runtime / "state").rglob("*") if path.is_file()]
        assert SECRET not in log + "".join(path.read_text(errors="replace") for path in files)
        assert f"request {request}: echo on tts/echo/a for agent: done after " in log


def test_a_worker_prints_under_the_id_of_its_request(supervisor: Supervisor, runtime: Path) -> None:
    """Output of an engine at work, a traceback among it, has the request's id on each line; loading has none."""
    with supervisor.connect(holder="agent") as peer:
        peer.ask("warm", "stt/echo/a")
        assert peer.fail("raise", "stt/echo/a").code == "worker_failed"
        request = f"{peer.count.to_bytes(16, 'big').hex()[:8]}"
    path = runtime / "state/logs/stt-echo-a.log"
    # Alone on the last line: its message might quote what was said. The supervisor reads output each 20 ms.
    wait_until(lambda: path.read_text().endswith("RuntimeError\n"), "the end of the traceback")
    log = path.read_text().splitlines()
    concerned = [line for line in log if f" request {request}: " in line]
    assert any("Traceback" in line for line in concerned), log
    assert all(f" request {request}: " in line for line in log[log.index(concerned[0]) :])
