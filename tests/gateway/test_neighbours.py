"""Programs that read nothing of a real gateway, or are killed beside it: others are served, and nothing is left."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
from hushd_protocol.system import uploads
from support.peer import BOUND_S, ECHO, Peer, Supervisor, command, wait_until

CONFIG = (
    "stt = 'echo/a'\ntts = 'echo/a'\n"
    "[http]\nlisten = ['127.0.0.1:0']\n[wyoming]\nlisten = ['tcp://127.0.0.1:0']\n"
    f'[worker."stt/echo"]\n{command(ECHO)}[worker."tts/echo"]\nmax_replicas = 1\n{command(ECHO)}'
)
LARGE = 100_000_000  # bytes of the gateway, whatever its programs do


class Served:
    """A supervisor with a gateway; the ports, and the gateway's size."""

    def __init__(self, folder: Path) -> None:
        self.uploads = folder / "uploads"
        self.uploads.mkdir()
        self.supervisor = Supervisor(folder, CONFIG, environment={"TMPDIR": str(self.uploads)})
        with self.supervisor.connect() as peer:
            listeners = peer.control("status")["door"]["listeners"]
        self.web, self.wyoming = (int(row["address"].rpartition(":")[2]) for row in listeners)
        self.log = Path(os.environ["HUSHD_STATE_DIR"]) / "logs" / "gateway.log"

    @property
    def gateway(self) -> int:
        """The gateway's process."""
        with self.supervisor.connect() as peer:
            return int(peer.control("status")["door"]["gateway"]["pid"] or 0)

    def connect(self) -> socket.socket:
        """A connection for HTTP of which the kernel keeps little that is not read."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(BOUND_S)
        connection.connect(("127.0.0.1", self.web))
        return connection

    def files(self) -> list[str]:
        """The targets of the gateway's descriptors."""
        folder = Path(f"/proc/{self.gateway}/fd")
        return [os.readlink(each) for each in folder.iterdir() if each.is_symlink()]

    def is_answered(self) -> bool:
        """Returns whether another program's request is."""
        with closing(HTTPConnection("127.0.0.1", self.web, timeout=BOUND_S)) as connection:
            connection.request("GET", "/v1/none")
            return connection.getresponse().status == 404

    def size(self) -> int:
        """The bytes of the gateway's resident set."""
        return psutil.Process(self.gateway).memory_info().rss


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[Served]:
    found = Served(home)
    with found.supervisor:
        yield found


def test_an_unread_speech_is_kept_nowhere_and_its_program_has_one_turn(served: Served) -> None:
    """A program reads neither of its two texts: each stops where the kernel is full. Another is served between."""
    with served.connect() as first, served.connect() as second, served.supervisor.connect() as peer:
        for number, connection in enumerate((first, second)):
            ask_to_speak(connection, "a" * 3_000_000)
            wait_until(partial(speaks_or_waits, peer, number), "its place")
        other = subprocess.Popen([sys.executable, "-c", SHORT, str(served.web)], stdout=subprocess.PIPE, text=True)
        wait_until(partial(speaks_or_waits, peer, 2), "its place")
        assert not [each for each in served.files() if "deleted" in each], "a speech is stored"
        assert served.size() < LARGE
        while not first.recv(1 << 20).endswith(b"0\r\n\r\n"):
            pass
        assert other.communicate(timeout=BOUND_S)[0] == "200 bb\n", "the second has it, and is not read"


SHORT = """if True:
    import http.client, sys
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    connection.request("POST", "/v1/audio/speech", '{"input": "b", "response_format": "pcm"}')
    answer = connection.getresponse()
    print(answer.status, answer.read().decode())
"""


def ask_to_speak(connection: socket.socket, text: str) -> None:
    body = b'{"input": "%s", "response_format": "pcm"}' % text.encode()
    head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    connection.sendall(head + body)


def speaks_or_waits(peer: Peer, others: int) -> bool:
    """Returns whether one speech is under way, and so many others wait for it."""
    row = peer.status("tts/echo/a")
    return (row["running"], row["queued"]) == (1, others)


def test_the_uploads_of_a_killed_gateway_are_removed(served: Served) -> None:
    """They go at once, and no other gateway's: the locks of the living tell."""
    head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n"
    part = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    assert served.is_answered()
    held, path = uploads.create()
    other = served.uploads / Path(path).name
    shutil.move(path, other)
    with socket.create_connection(("127.0.0.1", served.web), timeout=BOUND_S) as connection:
        connection.sendall(head + b"Content-Type: multipart/form-data; boundary=B\r\n\r\n" + part + bytes(100_000))
        wait_until(lambda: len(list(served.uploads.iterdir())) == 2, "the upload's file")
        os.kill(served.gateway, signal.SIGKILL)
        wait_until(lambda: list(served.uploads.iterdir()) == [other], "its end")
    other.unlink()
    os.close(held)
    wait_until(served.is_answered, "another gateway")
