"""Recordings that cannot be stored, over Wyoming; test_http_server.py has those over HTTP."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hushd_gateway.wyoming import audio
from support.peer import BOUND_S
from support.refusals import hushd_error

# A gateway that is killed as soon as it makes a file in its temporary folder that is not an upload.
KILLED = """
import os, sys
from hushd_gateway.__main__ import main

def hook(event, arguments):
    if event == "open" and isinstance(path := arguments[0], str) and arguments[2] & os.O_CREAT:
        folder, name = os.path.split(path)
        if folder == os.environ["TMPDIR"] and not name.startswith("hushd-"):
            os._exit(99)

sys.addaudithook(hook)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("number", "code", "text"), [
    (errno.EMFILE, "server_busy", "again"), (errno.ENFILE, "server_busy", "again"),
    (errno.ENOSPC, "output_failed", "room"),
])  # fmt: skip
def test_a_long_recording_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, number: int, code: str, text: str
) -> None:
    """It is to be sent again without a descriptor; on a full disk room is to be made."""

    def refuses(**_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuses)
    with closing(audio.SentAudio()) as made, hushd_error(code, text):
        made.add({}, bytes(audio.IN_MEMORY_BYTES + 2))


def test_a_first_upload_makes_its_own_file_alone(runtime: Path, tmp_path: Path) -> None:
    """Whenever the gateway is killed, each file left in the temporary folder has a name by which it is swept."""
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    ours, its = socket.socketpair()
    with ours, its, socket.create_server(("127.0.0.1", 0)) as listener:
        words = ("--channel", str(its.fileno()), f"http={listener.fileno()}=127.0.0.1:0")
        gateway = subprocess.Popen(
            [sys.executable, "-c", KILLED, *words],
            pass_fds=(its.fileno(), listener.fileno()),
            env=os.environ | {"TMPDIR": str(uploads), "HUSHD_CONFIG": str(tmp_path / "none.toml")},
        )
        address = listener.getsockname()
        listener.close()  # the gateway alone has it: once that is killed, its connections end
        try:
            with socket.create_connection(address, BOUND_S) as client:
                part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
                head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                head += b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n"
                body = part + bytes(100_000) + b"\r\n--x--\r\n"
                with suppress(ConnectionError):  # it may answer before it has read all
                    client.sendall(head % len(body) + body)
                assert client.recv(9) == b"HTTP/1.1 "
            assert gateway.poll() is None
        finally:
            gateway.terminate()
            gateway.wait(BOUND_S)
