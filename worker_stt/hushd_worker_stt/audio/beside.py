"""Recordings that a process beside the worker reads, decodes and resamples, where the engine computes on a card.

There one process transcribes many recordings together, and would decode all of them too. A decoder has one recording at
a time, and reads ahead only what its socket's buffer holds: some seconds of sound. Its death ends one attempt at one
recording. `python -m hushd_worker_stt.audio.beside` is its program, to which descriptors come on standard input."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError

from .inlet import Mixdown
from .recording import Recording

if TYPE_CHECKING:
    from types import TracebackType

    from hushd_worker.job import Job

    from hushd_worker_stt.engine import Samples

ASKED = "HUSHD_DECODERS"  # 0: the worker decodes; 1: processes beside it; otherwise by its device
HEAD = struct.Struct("<cId")  # of each message of a decoder: its kind, its bytes, and the recording's seconds if known
BLOCK, END, ERROR = b"b", b"e", b"x"
_LOOK_S = 0.2  # between two checks whether the job was cancelled
_LEAVE_S = 1.0  # for a decoder to end
_KEPT = 2  # decoders without a recording
_idle: list[Decoder] = []


def is_asked(on_card: bool) -> bool:
    """Returns whether recordings are decoded beside the worker: if its engine computes on a card, unless `ASKED`."""
    return {"0": False, "1": True}.get(os.environ.get(ASKED, ""), on_card)


class RecordingBeside:
    """The open audio file of a job, which another process reads; used like `Recording`, whose errors `blocks` raises.

    Args:
        job, start_s, track, file: as of `Recording`.
    """

    def __init__(self, job: Job, start_s: float, track: int, file: BinaryIO) -> None:
        self._job = job
        self._request = {"name": job.path, "start_s": start_s, "track": track}
        self._file = file
        self._decoder: Decoder | None = None
        self.duration = 0.0
        self.damage: HushdError | None = None
        self.mixdown = Mixdown()
        self.tracks = 1

    def __enter__(self) -> RecordingBeside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._decoder:
            self._decoder.end()

    def blocks(self) -> Iterator[Samples]:
        """Yields the recording from `start_s` on, once.

        Raises:
            HushdError: as of `Recording`; `worker_failed` if the decoder has died.
            Cancelled: the job was cancelled.
        """
        self._decoder = decoder = _free()
        decoder.begin(self._request, self._file)
        while True:
            head = self._received(decoder, HEAD.size)
            kind, size, self.duration = HEAD.unpack(head)
            data = self._received(decoder, size)
            if kind == BLOCK:
                yield np.frombuffer(data, "<f4")
                continue
            self._decoder = None
            decoder.keep()
            if kind == ERROR:
                raise _error(json.loads(data))
            break
        end = json.loads(data)
        self.damage = _error(end["damage"]) if end["damage"] else None
        self.mixdown.cancelled, self.tracks = end["cancelled"], end["tracks"]

    def _received(self, decoder: Decoder, size: int) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            self._job.check()
            with suppress(TimeoutError):
                count = decoder.receive(view)
                if not count:
                    name = self._job.path or "the audio sent"
                    raise HushdError(
                        "worker_failed", f"The process that decoded {name} has died ({decoder.fate()}): try again."
                    )
                view = view[count:]
        return data


class Decoder:
    """A process that reads recordings, one after the other; in the worker's process group, so that it dies with it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-m", "hushd_worker_stt.audio.beside"]
            self._process = subprocess.Popen(command, stdin=theirs.fileno())
        self._socket.settimeout(_LOOK_S)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def begin(self, request: JsonObject, file: BinaryIO) -> None:
        with suppress(ConnectionError):  # the answer says so
            socket.send_fds(self._socket, [json.dumps(request).encode() + b"\n"], [file.fileno()])

    def receive(self, view: memoryview) -> int:
        """Returns the number of bytes that came; 0 if it has died. Raises TimeoutError if none came for a while."""
        try:
            return self._socket.recv_into(view)
        except ConnectionError:
            return 0

    def fate(self) -> str:
        """Returns the way in which it has died."""
        code = self._process.wait()
        return f"signal {-code}" if code < 0 else f"exit status {code}"

    def keep(self) -> None:
        """Keeps it for another recording, unless enough are kept."""
        if len(_idle) < _KEPT:
            _idle.append(self)
        else:
            self.end()

    def end(self) -> None:
        """Ends it, whatever it does."""
        self._socket.close()  # which it sees
        try:
            self._process.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def recording(beside: bool, job: Job, start_s: float, track: int, file: BinaryIO) -> Recording | RecordingBeside:
    """Returns the open recording of a job, read here or beside."""
    return (RecordingBeside if beside else Recording)(job, start_s, track, file)


def _free() -> Decoder:
    while _idle:
        with suppress(IndexError):  # another thread has taken it
            if (decoder := _idle.pop()).is_alive:
                return decoder
            decoder.end()
    return Decoder()


def _error(data: JsonObject) -> HushdError:
    return HushdError(data["code"], data["message"], detail=data["detail"])


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
