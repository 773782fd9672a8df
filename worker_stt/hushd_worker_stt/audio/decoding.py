"""The program of a decoder beside a worker: reads recordings whose descriptors come on its standard input, a socket."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from typing import TYPE_CHECKING, Any, cast

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError

from .beside import BLOCK, END, ERROR, HEAD
from .recording import Recording

if TYPE_CHECKING:
    from hushd_worker.job import Job

_MAX_BYTES = 65536  # of a request


class _Request:
    """A worker's request, in the place of its job.

    Attributes:
        path: the recording's name for errors; empty for sound that was sent.
    """

    def __init__(self, link: socket.socket, path: str) -> None:
        self._link = link
        self.path = path

    def check(self) -> None:
        """Raises ConnectionError if the worker wants no more of the recording, or has died."""
        if select.select([self._link], [], [], 0)[0]:
            raise ConnectionError


def serve(link: socket.socket) -> None:
    """Reads recordings until the worker closes its end of `link`."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(link, _MAX_BYTES, 1)
        if not data:
            return
        while not data.endswith(b"\n"):
            data += link.recv(_MAX_BYTES)
        with open(descriptors[0], "rb", buffering=0) as file:
            _read(link, json.loads(data), file)


def _read(link: socket.socket, request: JsonObject, file: Any) -> None:
    duration = 0.0
    try:
        job = cast("Job", _Request(link, request["name"]))
        with Recording(job, request["start_s"], request["track"], file) as recording:
            for block in recording.blocks():
                duration = recording.duration
                _send(link, BLOCK, block.astype("<f4", copy=False).tobytes(), duration)
            end = {
                "damage": _data(recording.damage) if recording.damage else None,
                "cancelled": recording.mixdown.cancelled,
                "tracks": recording.tracks,
            }
            duration = recording.duration
        _send(link, END, json.dumps(end).encode(), duration)
    except HushdError as error:
        _send(link, ERROR, json.dumps(_data(error)).encode(), duration)


def _send(link: socket.socket, kind: bytes, data: bytes, duration: float) -> None:
    link.sendall(HEAD.pack(kind, len(data), duration))
    link.sendall(data)


def _data(error: HushdError) -> JsonObject:
    return {"code": error.code, "message": error.message, "detail": error.detail}


def main() -> None:
    """Serves the worker that has started this program."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the worker decides
    with socket.socket(fileno=os.dup(0)) as link:
        try:
            serve(link)
        except ConnectionError:
            pass  # the worker wants no more


if __name__ == "__main__":
    main()
