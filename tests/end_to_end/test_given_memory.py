"""Neighbours of a real supervisor: one gives what a start lacks, the others misbehave in every way there is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.messages import Accepted, Error, Result
from support.peer import ECHO, Peer, Supervisor, command, wait_until

SCRIPT = str(Path(__file__).parents[1] / "support" / "neighbourly_supervisor.py")
MB = 1_000_000
BIG, SMALL = "stt/echo/big", "tts/echo/small"
WORKERS = f'[worker."stt/echo"]\n{command(ECHO)}memory_mb = 1000\n[worker."tts/echo"]\n{command(ECHO)}memory_mb = 20\n'
NEIGHBOURS = (
    '[neighbours.ollama]\nkind = "ollama"\nurl = "http://127.0.0.1:11434"\ntoken = "s3cret"\n'
    '[neighbours.swap]\nkind = "llama-swap"\nurl = "http://127.0.0.1:8080"\n'
)
LLAMA = {"model": "llama3", "ram": 2000 * MB, "cards": {}, "idle_s": 90.0, "in_use": False, "pinned": False}

Start = Callable[..., Supervisor]


class Street:
    """The folder from which memory and neighbours of a supervisor come."""

    def __init__(self, runtime: Path, start: Start) -> None:
        self.folder = runtime / "street"
        self.folder.mkdir()
        self._start = start

    def furnish(self, mode: str, holds: Any) -> None:
        """Memory lacks for the big worker; a neighbour holds some."""
        (self.folder / "mode").write_text(mode)
        (self.folder / "holds").write_text(json.dumps(holds))
        (self.folder / "available").write_text(str(500 * MB))

    def supervisor(self, config: str = NEIGHBOURS + WORKERS) -> Supervisor:
        started = self._start(config, inside=[sys.executable, SCRIPT], cold=True)
        assert started.ready, started.log()
        return started

    def asked(self) -> list[str]:
        """The questions so far."""
        file = self.folder / "asked"
        return [json.loads(line)["do"] for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def street(runtime: Path, start_supervisor: Start) -> Street:
    return Street(runtime, start_supervisor)


def test_an_idle_model_leaves_and_the_request_is_served(street: Street) -> None:
    """The client reads who is asked; the result and the log say who gave; the secret is in no log."""
    street.furnish("well", {"ollama": [LLAMA]})
    supervisor = street.supervisor()
    with supervisor.connect() as peer:
        request = peer.request("echo", BIG)
        notes, answer = _end(peer, request)
    assert isinstance(answer, Result), answer
    assert answer.data["given"] == "ollama gave 2.0 GB"
    assert "waiting for ollama to give 2.0 GB" in notes
    assert street.asked() == ["look", "give"]
    assert f"ollama gave 2.0 GB for {BIG}" in supervisor.log()
    assert "s3cret" not in supervisor.log()


@pytest.mark.parametrize(
    "mode", ["exits", "floods", "long line", "nonsense", "refuses", "lies", "dies", "hangs", "one is gone", "no end"]
)
def test_one_that_misbehaves_costs_its_own_request_alone(street: Street, mode: str) -> None:
    """The request is refused as without neighbours, or served where another gives; others are served meanwhile."""
    holds = {"swap": [LLAMA]} if mode == "nonsense" else {"ollama": [LLAMA]}
    street.furnish(mode, holds)
    supervisor = street.supervisor()
    with supervisor.connect() as peer, supervisor.connect() as other:
        other.ask("echo", SMALL)
        request = peer.request("echo", BIG)
        assert other.ask("echo", SMALL, payload=b"x")["text"] == "x"
        _, answer = _end(peer, request)
        assert isinstance(answer, Result if mode in ("one is gone", "no end") else Error), answer
        if isinstance(answer, Error):
            assert answer.code == "server_busy"
        assert other.ask("echo", SMALL, payload=b"y")["text"] == "y"
    assert "Traceback" not in supervisor.log()


def test_a_start_that_fits_asks_nobody(street: Street) -> None:
    """Neither a process nor a question."""
    street.furnish("well", {"ollama": [LLAMA]})
    (street.folder / "available").write_text(str(3000 * MB))
    with street.supervisor().connect() as peer:
        peer.ask("echo", BIG)
    assert street.asked() == []


def test_without_the_guest_nobody_is_asked(street: Street) -> None:
    """The log says so, at the start and at a reload, and requests are answered as where no neighbour is named."""
    street.furnish("not installed", {"ollama": [LLAMA]})
    supervisor = street.supervisor()
    with supervisor.connect() as peer:
        peer.control("reload")
        _, answer = _end(peer, peer.request("echo", BIG))
        assert isinstance(answer, Error)
        assert answer.code == "server_busy"
        peer.ask("echo", SMALL)
    assert street.asked() == []
    sentence = "[neighbours] needs the package hushd_neighbours, which this installation of hushd lacks"
    assert supervisor.log().count(f"WARNING {sentence}: nobody is asked.\n") == 2


def test_neighbours_that_are_named_later_are_asked_too(street: Street) -> None:
    """By a supervisor that had none when it started, once it has read its configuration again."""
    street.furnish("well", {"ollama": [LLAMA]})
    supervisor = street.supervisor(WORKERS)
    with supervisor.connect() as peer:
        _, answer = _end(peer, peer.request("echo", BIG))
        assert isinstance(answer, Error)
        file = Path(os.environ["HUSHD_CONFIG"])
        file.write_text(file.read_text() + NEIGHBOURS)
        peer.control("reload")
        assert peer.ask("echo", BIG)["given"] == "ollama gave 2.0 GB"


def test_what_a_killed_supervisor_has_left_asleep_is_woken_by_the_next(street: Street) -> None:
    """vLLM's model sleeps while the worker lives; the record outlives a kill -9, and goes once it is awake."""
    street.furnish("well", {"vllm": [LLAMA]})
    config = '[neighbours.vllm]\nkind = "vllm"\nurl = "http://127.0.0.1:8000"\n' + WORKERS
    supervisor = street.supervisor(config)
    record = Path(os.environ["HUSHD_STATE_DIR"]) / "asleep.json"
    with supervisor.connect() as peer:
        peer.ask("echo", BIG)
        assert json.loads(record.read_text()) == [["vllm", "llama3"]]
        assert street.asked() == ["look", "give"]
    supervisor.process.kill()
    supervisor.process.wait()
    street.supervisor(config)
    wait_until(lambda: street.asked() == ["look", "give", "wake"], "the model to be woken")
    wait_until(lambda: not record.exists(), "the end of the record")


def test_what_sleeps_is_woken_when_the_worker_has_left(street: Street) -> None:
    """Also by a supervisor that leaves itself."""
    street.furnish("well", {"vllm": [LLAMA]})
    supervisor = street.supervisor('[neighbours.vllm]\nkind = "vllm"\nurl = "http://127.0.0.1:8000"\n' + WORKERS)
    with supervisor.connect() as peer:
        peer.ask("echo", BIG)
        peer.control("shutdown")
    supervisor.process.wait()
    assert street.asked() == ["look", "give", "wake"]


def _end(peer: Peer, request: bytes) -> tuple[list[str], Result | Error]:
    """The notes that a request's client gets while it waits, and the end of it."""
    notes = []
    while True:
        match peer.receive():
            case Accepted(id=name, note=note) if name == request:
                notes.append(note)
            case Result(id=name) | Error(id=name) as answer if name == request:
                return notes, answer
