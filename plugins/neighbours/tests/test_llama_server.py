"""A real llama-server with a model at random, where one is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from full_size import gguf_llama
from hushd_neighbours import kinds
from hushd_neighbours.holding import Failed, Holding
from hushd_neighbours.server import Server
from support.ports import free_port

PROGRAM = "llama-server"
pytestmark = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="llama-server is not installed")
WIDTH = 256


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    for name in ("small", "other"):
        gguf_llama.make(tmp_path / f"{name}.gguf", gguf_llama.Shape(layers=2, width=WIDTH))
    port = free_port()
    options = ["--load-mode", "none", "-c", "512", "-np", "1"]
    command = [PROGRAM, "--models-dir", str(tmp_path), "--host", "127.0.0.1", "--port", str(port), *options]
    with subprocess.Popen(command) as process:
        try:
            end = time.monotonic() + 60
            while time.monotonic() < end and not _answers(port):
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


def _look(port: int) -> list[Holding]:
    return kinds.look(Server(f"http://127.0.0.1:{port}", "", time.monotonic() + 30), "llama-server")


def _answers(port: int) -> bool:
    try:
        _look(port)
    except Failed:
        return False
    return True


def _say(port: int, words: int) -> None:
    body = {"model": "small", "messages": [{"role": "user", "content": "a"}], "max_tokens": words, "ignore_eos": True}
    request = Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(body).encode())
    with urlopen(request, timeout=60) as answer:
        assert json.load(answer)["choices"]


def test_a_model_is_seen_at_work_and_at_rest_given_and_loaded_again(port: int) -> None:
    """Its process's memory, its last request by the kernel, and its end; the next request has it back."""
    assert _look(port) == []
    _say(port, 1)
    [holding] = _look(port)
    weights = 2 * (4 + 3 * 4) * WIDTH**2 * 2
    assert (holding.model, holding.in_use, holding.pinned) == ("small", False, False)
    assert weights < holding.ram < weights + (200 << 20)
    assert holding.idle_s is not None
    assert holding.idle_s < 60
    working = threading.Thread(target=_say, args=(port, 500))
    working.start()
    seen = False
    while working.is_alive():
        seen |= [held.in_use for held in _look(port)] == [True]
    working.join()
    assert seen
    kinds.give(Server(f"http://127.0.0.1:{port}", "", time.monotonic() + 30), "llama-server", holding)
    assert _look(port) == []
    _say(port, 1)
    assert [held.model for held in _look(port)] == ["small"]
