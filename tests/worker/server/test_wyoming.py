"""A Wyoming server on a Unix socket, which `stdio://` becomes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hushd_models import server_files
from hushd_protocol.errors import HushdError
from hushd_worker.server import wyoming
from hushd_worker.server.exchange import Bounds
from hushd_worker.server.process import ServerProcess
from support import servers

# It says its own process and the text; what it is asked for besides a Wyoming server's words is a lie.
SERVER = """
import json, os, socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def send(self, kind, data, payload=b""):
        head = {"type": kind, "data": data, "payload_length": len(payload)}
        self.wfile.write(json.dumps(head).encode() + b"\\n" + payload)
    def handle(self):
        if "chats" in sys.argv:
            self.wfile.write(b"The model is loaded.\\n")
        for event in map(json.loads, self.rfile):
            if event["type"] == "describe":
                self.send("info", {"tts": [{"voices": [{"name": "anna"}, {"name": "bert", "installed": False}]}]})
            elif event["type"] == "synthesize":
                sound = {"rate": 8000, "width": 2, "channels": 1}
                self.send("audio-chunk", sound, f"{os.getpid()} {event['data']['text']}".encode())
                self.send("audio-stop", {})
socketserver.UnixStreamServer(sys.argv[1].removeprefix("unix://"), Handler).serve_forever()
"""
Make = Callable[..., ServerProcess]


@pytest.fixture
def make(runtime: Path) -> Iterator[Make]:
    """`make(*lies)`: a server that is ended after the test."""
    made = []

    def server(*lies: str) -> ServerProcess:
        servers.write(runtime, "mine", run=[sys.executable, "-c", SERVER, "stdio://", *lies], like="wyoming")
        made.append(ServerProcess(server_files.read("mine")))
        made[-1].start(lambda limit_s: speak(made[-1], limit_s=limit_s), lambda note: None)
        return made[-1]

    yield server
    for each in made:
        each.end()


def speak(server: ServerProcess, text: str = "Hello.", limit_s: float = 9.0) -> list[str]:
    """Returns the server's process and what it was asked to say."""
    with server.line(lambda: None, Bounds(limit_s, limit_s)) as line:
        said = b"".join(data for data, _ in wyoming.speak(line, "mine", text, ""))
    return said.decode().split()


def test_one_process_answers(make: Make) -> None:
    server = make()
    (first, said), (second, again) = speak(server, "one"), speak(server, "two")
    assert (said, again) == ("one", "two")
    assert first == second
    with server.line(lambda: None, Bounds(9, 9)) as line:
        assert wyoming.voices(line, "mine") == ("anna",)


def test_one_that_chats(make: Make) -> None:
    with pytest.raises(HushdError, match=r"^The server mine does not speak Wyoming"):
        make("chats")
