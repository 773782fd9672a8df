"""A Wyoming server by standard input and output: one connection for all requests, and a new process where it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_worker.job import Cancelled
from hushd_worker.server import files, wyoming
from hushd_worker.server.exchange import Check, Hangs
from hushd_worker.server.process import ServerProcess
from support import servers

# It says its own process and the text; `long` is a sound without an end.
SERVER = """
import json, os, sys, time
def send(kind, data, payload=b""):
    head = {"type": kind, "data": data, "payload_length": len(payload)}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\\n" + payload)
    sys.stdout.buffer.flush()
lie, starts = sys.argv[1:]
print("started", file=open(starts, "a"))
if lie == "chats":
    print("The model is loaded.", flush=True)
if lie == "crash":
    sys.exit("RuntimeError: CUDA is not here")
if lie == "deaf":
    time.sleep(600)
for line in sys.stdin.buffer:
    event = json.loads(line)
    if event["type"] == "describe":
        send("info", {"tts": [{"voices": [{"name": "anna"}, {"name": "bert", "installed": False}]}]})
    elif event["type"] == "synthesize":
        text = event["data"]["text"]
        sound = {"rate": 8000, "width": 2, "channels": 1}
        send("audio-chunk", sound, f"{os.getpid()} {text}".encode())
        if text == "long":
            time.sleep(600)
        send("audio-stop", {})
        if lie == "ends":
            break
"""
Make = Callable[..., ServerProcess]


@pytest.fixture
def make(runtime: Path) -> Iterator[Make]:
    """`make(lie, **keys of the file)`: a server that is ended after the test."""
    made = []

    def server(lie: str = "", **keys: object) -> ServerProcess:
        servers.write(
            runtime, "mine", run=[sys.executable, "-c", SERVER, lie, f"{runtime}/starts"], like="wyoming", **keys
        )
        made.append(ServerProcess(files.read("mine")))
        return made[-1]

    yield server
    for each in made:
        each.end()


def speak(server: ServerProcess, text: str = "Hello.", check: Check = lambda: None, limit_s: float = 9.0) -> list[str]:
    """Returns the server's process and what it was asked to say."""
    with server.line(check, limit_s) as line:
        said = b"".join(data for data, _ in wyoming.speak(line, "mine", text, ""))
    return said.decode().split()


def start(server: ServerProcess) -> None:
    server.start(lambda limit_s: speak(server, limit_s=limit_s), lambda note: None)


def test_one_process_answers(make: Make) -> None:
    server = make()
    start(server)
    (first, said), (second, again) = speak(server, "one"), speak(server, "two")
    assert (said, again) == ("one", "two")
    assert first == second
    with server.line(lambda: None, 9.0) as line:
        assert wyoming.voices(line, "mine") == ("anna",)


def test_one_that_ends_after_each_answer_is_started_again(make: Make) -> None:
    """As wyoming-faster-whisper does; this worker goes on."""
    server = make("ends")
    start(server)
    (first, said), (second, again) = speak(server, "one"), speak(server, "two")
    assert (said, again) == ("one", "two")
    assert first != second


def test_after_a_cancel_nobody_gets_its_answer(make: Make) -> None:
    server = make(stop_timeout=0.5)
    start(server)

    def gone() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        speak(server, "long", gone)
    assert speak(server, "one")[1] == "one"


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ("crash", "The server mine ended (exit status 1; its log ends with: RuntimeError: CUDA is not here)."),
        ("chats", "The server mine does not speak Wyoming."),
        ("deaf", "The server mine did not answer within 1 s."),
    ],
)
def test_a_start_that_fails(make: Make, runtime: Path, lie: str, said: str) -> None:
    """It is not tried twice."""
    server = make(lie, start_timeout=1 if lie == "deaf" else 30, stop_timeout=0.5)
    with pytest.raises(HushdError) as raised:
        start(server)
    assert raised.value.message == said
    assert (runtime / "starts").read_text() == "started\n"


def test_one_that_hangs(make: Make) -> None:
    server = make(stop_timeout=0.5)
    start(server)
    with pytest.raises(Hangs):
        speak(server, "long", limit_s=0.3)
