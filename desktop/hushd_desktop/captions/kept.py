"""The last seconds of what plays, in memory alone: one process keeps them, and another asks for their text."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path

from hushd.audio.ring import Ring
from hushd_protocol.errors import HushdError
from hushd_protocol.system import best_effort, paths

from hushd_desktop.only_one import OnlyOne
from hushd_desktop.sound_server.monitor import Monitor

_NAME = "captions-keep"
_BLOCK = 1 << 16
_PATIENCE_S = 5.0  # with a program that asks and does not read


def keep(sink: str | None, seconds: float) -> None:
    """Keeps the last `seconds` of what plays until it is interrupted, and gives them to every program that asks.

    Raises:
        HushdError: `bad_request` where another process does so; `no_device` as `Monitor`.
    """
    if not OnlyOne(_NAME).taken:
        raise HushdError("bad_request", "Another `hushd captions --keep` keeps it already: end that first.")
    with contextlib.closing(_listen(_place())) as server:
        ring = Ring(Monitor(sink), seconds)
        threading.Thread(target=_give, args=(server, ring, seconds), name="hushd-kept", daemon=True).start()
        try:
            for _ in ring.reader(ring.now):
                pass  # until the sound server ends, which is an error
        finally:
            with best_effort.writing(_place()):
                _place().unlink(missing_ok=True)


def last() -> bytes:
    """Returns the sound kept: s16le samples of one channel at the microphone's `RATE`.

    Raises:
        HushdError: `bad_request` where nothing is kept.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.connect(str(_place()))
        except OSError:
            raise HushdError(
                "bad_request", "Nothing that played was kept: `hushd captions --keep 60` keeps it from then on."
            ) from None
        return b"".join(iter(lambda: asking.recv(_BLOCK), b""))


def _place() -> Path:
    return paths.find().runtime / f"{_NAME}.sock"


def _listen(place: Path) -> socket.socket:
    """A socket that only its user may open; one that a killed process has left gives way."""
    paths.check_socket(place)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        place.unlink(missing_ok=True)
        server.bind(str(place))
        server.listen()
    except OSError as error:
        server.close()
        raise HushdError("output_failed", f"There can be no socket at {place} ({error.strerror}).") from error
    finally:
        os.umask(before)
    return server


def _give(server: socket.socket, ring: Ring, seconds: float) -> None:
    with contextlib.suppress(OSError):  # it was closed
        while True:
            program, _ = server.accept()
            with program, contextlib.suppress(OSError):  # it has gone
                program.settimeout(_PATIENCE_S)
                program.sendall(ring.last(seconds))
