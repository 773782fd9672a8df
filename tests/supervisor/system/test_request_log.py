"""The log's lines about requests: one when it ends, with its id, and no words said or heard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.messages import Chunk, Error, Hello, Job, Partial, Request, Result
from hushd_supervisor.core.events import ClientGone, FromClient
from hushd_supervisor.system.log import RequestLog
from support.peer import CONFIG, Supervisor, wait_until

ID = bytes.fromhex("a1b2c3d4") + bytes(12)
SECRET = "albatross"
Lines = list[tuple[str, str, str, dict[str, Any]]]


@pytest.fixture
def lines() -> Lines:
    return []


def opened(lines: Lines, content: bool = False, **fields: Any) -> RequestLog:
    """A log that has seen a client, `agent`, ask for something."""

    def record(level: str, text: str, request: str = "", **facts: Any) -> None:
        lines.append((level, text, request, facts))

    log = RequestLog(record, content)
    log.look(FromClient(b"r", Hello(protocol=1, version="1", holder="agent", pid=7)), 0.0)
    request = {"worker": "tts/a/b", "op": "synthesize", "payload": SECRET.encode(), **fields}
    log.look(FromClient(b"r", Request(id=ID, **request)), 1.0)
    lines.clear()
    return log


def test_an_ending_is_one_line(lines: Lines) -> None:
    """Operation, worker, client, outcome, and how long it took and waited, as words and as facts."""
    log = opened(lines)
    log.handed(Job(id=ID, op="synthesize", params={}), 1.5)
    log.sent(b"r", Result(id=ID), 3.0)
    log.sent(b"r", Result(id=ID), 4.0)  # of a control with that id, say
    facts = {
        "op": "synthesize",
        "worker": "tts/a/b",
        "client": "agent",
        "outcome": "done",
        "seconds": 2.0,
        "waited": 0.5,
    }
    text = "synthesize on tts/a/b for agent: done after 2.00 s, 0.50 of them waiting"
    assert lines == [("info", text, "a1b2c3d4", facts)]


def test_a_failure_is_a_warning_with_its_code_alone(lines: Lines) -> None:
    """The sentence of an error may quote the words said: it is logged only where that is asked for."""
    opened(lines).sent(b"r", Error(id=ID, code="worker_failed", message=f"Cannot say {SECRET}."), 2.0)
    ((level, text, _, _),) = lines
    assert (level, text.split(": ")[1]) == ("warning", "worker_failed after 1.00 s, 1.00 of them waiting")
    assert SECRET not in str(lines)
    opened(lines, content=True).sent(b"r", Error(id=ID, code="worker_failed", message=f"Cannot say {SECRET}."), 2.0)
    assert SECRET in lines[0][1]


def test_a_client_that_leaves_ends_its_requests(lines: Lines) -> None:
    """Nothing is sent to it any more, and nothing is remembered of it."""
    log = opened(lines)
    log.look(ClientGone(b"r"), 2.0)
    assert lines[0][1].startswith("synthesize on tts/a/b for agent: cancelled after 1.00 s")
    assert [log._open, log._by_id, log._clients] == [{}, {}, {}]


@pytest.mark.parametrize("content", [False, True])
def test_what_is_said_and_heard_is_logged_only_when_asked_for(lines: Lines, content: bool) -> None:
    """Texts to speak, as a whole or in pieces, and transcripts."""
    log = opened(lines, content)
    log.look(FromClient(b"r", Chunk(id=ID, seq=0, payload=SECRET.encode())), 2.0)
    log.sent(b"r", Partial(id=ID, seq=0, data={"kind": "segment", "text": SECRET}), 2.0)
    assert [text for _, text, _, _ in lines] == ([f"says: {SECRET}", f"heard: {SECRET}"] if content else [])


def test_a_real_supervisor_says_nothing_of_it(start_supervisor: Any, runtime: Path) -> None:
    """At the level debug no file of its state has the text; with `log_content` the log does, once read again."""
    started: Supervisor = start_supervisor('log_level = "debug"\nlog_format = "json"\n' + CONFIG)
    with started.connect(holder="agent") as peer:
        peer.ask("echo", "tts/echo/a", payload=SECRET.encode(), credit=100)
        request = f"{peer._count.to_bytes(16, 'big').hex()[:8]}"
        (runtime / "config.toml").write_text("log_content = true\n" + (runtime / "config.toml").read_text())
        quiet = started.log()
        files = [path for path in (runtime / "state").rglob("*") if path.is_file()]
        assert SECRET not in quiet + "".join(path.read_text(errors="replace") for path in files)
        ends = [entry for entry in map(json.loads, quiet.splitlines()) if entry.get("outcome") == "done"]
        assert (ends[-1]["request"], ends[-1]["client"]) == (request, "agent")
        peer.control("reload")
        peer.ask("echo", "tts/echo/a", payload=SECRET.encode(), credit=100)
    wait_until(lambda: f"says: {SECRET}" in started.log(), "the text in the log")


def test_a_worker_prints_under_the_id_of_its_request(supervisor: Supervisor, runtime: Path) -> None:
    """Output of an engine at work, a traceback among it, has the request's id on each line; loading has none."""
    with supervisor.connect(holder="agent") as peer:
        peer.ask("warm", "stt/echo/a")
        assert peer.fail("raise", "stt/echo/a").code == "worker_failed"
        request = f"{peer._count.to_bytes(16, 'big').hex()[:8]}"
    log = (runtime / "state/logs/stt-echo-a.log").read_text().splitlines()
    concerned = [line for line in log if f" request {request}: " in line]
    assert any("Traceback" in line for line in concerned), log
    assert log[-1].endswith("RuntimeError"), "its message might quote what was said"
    assert all(f" request {request}: " in line for line in log[log.index(concerned[0]) :])
