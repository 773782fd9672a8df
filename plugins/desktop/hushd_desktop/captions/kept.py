"""Keeps the last seconds of a loudspeaker's sound in memory; another process asks for them."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path

from hushd.audio.recording import Ring
from hushd_protocol.errors import HushdError
from hushd_protocol.system import best_effort, paths

from hushd_desktop.only_one import OnlyOne
from hushd_desktop.sound_server.monitor import Monitor

_NAME = "captions-keep"
_BLOCK = 1 << 16
_PATIENCE_S = 5.0  # for a program that asks but does not read


def keep(sink: str | None, seconds: float) -> None:
    """Keeps the last `seconds` of sound until interrupted, and sends them to each program that connects.

    Raises:
        HushdError: `bad_request` if another process does so already; `no_device` as `Monitor`.
    """
    if not OnlyOne(_NAME).taken:
        raise HushdError("bad_request", "Another `hushd captions --keep` is running already: end that first.")
    with contextlib.closing(_listen(_place())) as server:
        ring = Ring(Monitor(sink), seconds)
        threading.Thread(target=_give, args=(server, ring, seconds), name="hushd-kept", daemon=True).start()
        try:
            for _ in ring.reader(ring.now):
                pass  # until the sound server ends, which raises an error
        finally:
            with best_effort.writing(_place()):
                _place().unlink(missing_ok=True)


def last() -> bytes:
    """Returns the kept sound: s16le samples of one channel at the microphone's `RATE`.

    Raises:
        HushdError: `bad_request` if no sound is kept.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.connect(str(_place()))
        except OSError:
            raise HushdError(
                "bad_request", "No sound was kept: run `hushd captions --keep 60` beforehand, which keeps it."
            ) from None
        return b"".join(iter(lambda: asking.recv(_BLOCK), b""))


def _place() -> Path:
    return paths.find().runtime / f"{_NAME}.sock"


def _listen(address: Path) -> socket.socket:
    """Returns a socket that only its user may open; replaces a killed process's."""
    paths.check_socket(address)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous_umask = os.umask(0o177)
    try:
        address.unlink(missing_ok=True)
        server.bind(str(address))
        server.listen()
    except OSError as error:
        server.close()
        raise HushdError("output_failed", f"The socket {address} cannot be made ({error.strerror}).") from error
    finally:
        os.umask(previous_umask)
    return server


def _give(server: socket.socket, ring: Ring, seconds: float) -> None:
    with contextlib.suppress(OSError):  # it was closed
        while True:
            program, _ = server.accept()
            with program, contextlib.suppress(OSError):  # the program has gone
                program.settimeout(_PATIENCE_S)
                program.sendall(ring.last(seconds))
