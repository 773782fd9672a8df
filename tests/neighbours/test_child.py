"""The child that the supervisor starts: lines in, lines out, and what it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hushd_neighbours.child import MAX_LINE

from . import shapes
from .scripted import Raw, scripted

COMMAND = [sys.executable, "-P", "-m", "hushd_neighbours"]


class Child:
    """The process, spoken with by lines."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def say(self, line: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert len(line) <= MAX_LINE
        return json.loads(line) if line else None

    def end(self) -> int:
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(20)


@contextmanager
def child(*neighbours: dict[str, Any], deadline_s: float = 10) -> Iterator[Child]:
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        made = Child(process)
        made.say({"neighbours": neighbours, "deadline_s": deadline_s})
        try:
            yield made
        finally:
            process.kill()


def _named(name: str, url: str, kind: str = "ollama") -> dict[str, Any]:
    return {"name": name, "kind": kind, "url": url, "idle_s": 60.0, "token": ""}


def test_it_looks_gives_and_ends_with_its_input() -> None:
    """A line a neighbour as it answers, then the end of the look; a model that was given is named."""
    with scripted({"GET /api/ps": shapes.ollama(100)}) as server, child(_named("mine", server.url)) as talk:
        talk.say({"do": "look"})
        line = talk.hear()
        [held] = line.pop("holds")
        assert line == {"neighbour": "mine"}
        assert held.pop("idle_s") == pytest.approx(200, abs=15)
        assert held == {
            "model": "mistral:latest", "ram": 1_517_264_896, "cards": {"": 5_137_025_024}, "in_use": False,
            "pinned": False, "reload_s": None,
        }  # fmt: skip
        assert talk.hear() == {"looked": True}
        server.answers["POST /api/generate"] = lambda _: server.answers.update({"GET /api/ps": {"models": []}}) or {}
        talk.say({"do": "give", "neighbour": "mine", "model": "mistral:latest", "ram": 1, "cards": {}})
        assert talk.hear() == {"neighbour": "mine", "model": "mistral:latest", "gave": True, "wake": None}
        assert talk.end() == 0


def test_what_was_put_to_sleep_says_how_it_is_woken() -> None:
    """vLLM does not wake by itself; a supervisor that was killed meanwhile has another child do it."""
    answers = {
        "GET /is_sleeping": {"is_sleeping": True},
        "POST /sleep?level=1&mode=wait": Raw(),
        "POST /wake_up": Raw(),
    }
    with scripted(answers) as server:
        neighbour = _named("card", server.url, "vllm")
        with child(neighbour) as talk:
            talk.say({"do": "give", "neighbour": "card", "model": "q", "ram": 0, "cards": {"": 1}})
            wake = {"neighbour": "card", "model": "q", "by": "wake_up"}
            assert talk.hear() == {"neighbour": "card", "model": "q", "gave": True, "wake": wake}
        with child(neighbour) as talk:
            talk.say({"do": "wake", "neighbour": "card", "model": "q"})
            assert talk.hear() == {"neighbour": "card", "model": "q", "woken": True}
        assert server.asked[-1][0] == "POST /wake_up"


def test_a_neighbour_that_hangs_keeps_neither_a_request_nor_the_end() -> None:
    """Another is asked to give while the look still waits; and the child ends with its input, whoever hangs."""
    with scripted() as hanging, scripted({"GET /api/ps": {"models": []}, "POST /api/generate": {}}) as server:
        hanging.free.clear()
        with child(_named("hangs", hanging.url), _named("mine", server.url), deadline_s=600) as talk:
            talk.say({"do": "look"})
            assert talk.hear() == {"neighbour": "mine", "holds": []}
            talk.say({"do": "give", "neighbour": "mine", "model": "m", "ram": 1, "cards": {}})
            assert talk.hear()["gave"]
            assert talk.end() == 0


def test_what_cannot_be_done_is_a_sentence() -> None:
    """An unknown name, an unknown kind, and a server that is gone."""
    with scripted() as gone:
        pass
    with child(_named("gone", gone.url), _named("odd", gone.url, "mlx")) as talk:
        for name, sentence in (
            ("nobody", "No neighbour of that name is configured."),
            ("gone", f"The server cannot be reached at 127.0.0.1:{gone.port} (Connection refused)."),
            ("odd", "There is no kind of neighbour 'mlx' here: known are "),
        ):
            talk.say({"do": "give", "neighbour": name, "model": "m", "ram": 1, "cards": {}})
            line = talk.hear()
            assert line.pop("failed").startswith(sentence)
            assert line == {"neighbour": name, "model": "m"}


@pytest.mark.parametrize(
    "words", [b"nonsense\n", b"{}\n", b"[]\n", b'{"neighbours": [{}]}\n', b'{"neighbours": []}\n7\n']
)
def test_words_that_are_not_a_supervisors_end_it(words: bytes) -> None:
    """By one sentence and a status, with no traceback."""
    done = subprocess.run(COMMAND, input=words, capture_output=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"the supervisor's request is invalid" in done.stderr


def test_it_needs_the_standard_library_alone() -> None:
    """Its start is short and its memory small: it imports nothing of others, of hushd the protocol's helpers."""
    program = "import sys, hushd_neighbours.child; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    before = subprocess.run(
        [sys.executable, "-P", "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True
    )
    loaded = {name.partition(".")[0] for name in {*done.stdout.split()} - {*before.stdout.split()}}
    assert loaded - sys.stdlib_module_names == {"hushd_neighbours", "hushd_protocol"}
