"""A request for a worker's engine: its input, methods to answer in pieces, and its cancellation.

A `Job` runs on a separate thread; the harness's I/O thread feeds it. All methods that wait raise `Cancelled` as soon as
the client has cancelled or left; the engine must not catch it.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from hushd_protocol import JsonObject, buggify
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import CREDIT_WINDOW, MAX_PAYLOAD
from hushd_protocol.messages import Chunk, Credit, Message, Partial, Progress
from hushd_protocol.messages import Job as JobMessage


class Cancelled(Exception):
    """The client has cancelled this job, or left: the engine stops working on it."""


class Job:
    """A request on its worker.

    Attributes:
        op: `transcribe`, `synthesize` or another operation of the worker.
        params: the request's parameters, unchecked.
        input: `inline`, `path`, `stream` or `none`.
        economy: whether memory is short, so that the engine should use less, if possible.
        session: whether it is live, and may last as long as a person speaks.
        client: a number that the jobs of one client share.
        path: the name of the file, for messages; only its open descriptor can be read.
        degraded: set if it was done with less memory, which the result reports.
    """

    def __init__(
        self, message: JobMessage, send: Callable[[Message], None], file: Callable[[], int | None] = lambda: None
    ) -> None:
        self._file = file() if message.input == "path" else None
        self.id = message.id
        self.op = message.op
        self.params: JsonObject = message.params
        self.input = message.input
        self.path = message.path
        self.economy = message.economy
        self.session = message.session
        self.client = message.client
        self.degraded = False
        self.warnings: list[dict[str, str]] = []
        self.message = message
        self._send = send
        self._changed = threading.Condition()
        self._credit = message.credit
        self._chunks: deque[Chunk] = deque()
        self._cancelled = False
        self._seq = 0

    # --- for the engine ----------------------------------------------------------------------------------------------

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def check(self) -> None:
        """Raises Cancelled if the job was cancelled; for loops that neither read nor write."""
        if self._cancelled:
            raise Cancelled

    def read(self, patience_s: float | None = None) -> Iterator[bytes]:
        """Yields the input's bytes, piece by piece: the payload, the file, or the stream as it arrives.

        Args:
            patience_s: the maximum silence of a stream in seconds; None: no limit.

        Raises:
            HushdError: `path_unreachable` for a file that has not come; `input_unreadable` for a stream that has
                sent nothing for `patience_s`; `bad_request` for a chunk whose rate or channels differ from the
                request's.
            Cancelled: while waiting for more.
        """
        if self.input == "inline":
            yield self.message.payload
        elif self.input == "path":
            with self.open_file() as file:
                while piece := file.read(MAX_PAYLOAD):
                    self.check()
                    yield piece
        elif self.input == "stream":
            self._send(Credit(id=self.id, chunks=CREDIT_WINDOW))
            last = False
            while not last:
                with self._changed:
                    came = self._changed.wait_for(lambda: self._chunks or self._cancelled, patience_s)
                    self.check()
                    if not came:
                        raise HushdError("input_unreadable", f"No audio has come for {patience_s:g} seconds.")
                    chunk = self._chunks.popleft()
                self._check_kind(chunk)
                last = chunk.last
                if chunk.payload:
                    yield chunk.payload
                if not last:  # all of it is used up: granting a whole window tells that the job waits
                    self._send(Credit(id=self.id, chunks=1))

    def open_file(self) -> BinaryIO:
        """Returns the file that came with the job, at its beginning; the caller closes it. Raises `path_unreachable` if
        none came, as from a supervisor of an earlier version."""
        if self._file is None:
            raise HushdError("path_unreachable", f"The worker has not got {self.path}.")
        os.lseek(self._file, 0, os.SEEK_SET)
        return open(os.dup(self._file), "rb", buffering=0)

    def close(self) -> None:
        """Closes the file that came with the job."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def __del__(self) -> None:
        self.close()

    def warn(self, code: str, message: str) -> None:
        """Adds a warning to the result, once for each `code`: the job succeeded, but its result is doubtful."""
        if all(warning["code"] != code for warning in self.warnings):
            self.warnings.append({"code": code, "message": message})

    def send_chunk(
        self, payload: bytes | memoryview, *, offset: int | None = None, rate: int = 0, channels: int = 0
    ) -> None:
        """Sends output, waiting for the client's credit; more than 64 KiB becomes several chunks.

        Args:
            offset: the position in a file.
            rate, channels: of raw s16le audio, with its first chunk.
        """
        view = memoryview(payload).cast("B")  # a view of bytes, whatever the items of an array are
        most = min(MAX_PAYLOAD, 2 + len(view) // 6 * 2) if buggify("chunk in parts") else MAX_PAYLOAD
        for start in range(0, len(view), most):
            with self._changed:
                self._changed.wait_for(lambda: self._credit > 0 or self._cancelled)
                self.check()
                self._credit -= 1
            self._send(
                Chunk(
                    id=self.id,
                    seq=self._next(),
                    offset=None if offset is None else offset + start,
                    rate=rate,
                    channels=channels,
                    payload=bytes(view[start : start + most]),
                )
            )

    def send_partial(self, data: Mapping[str, object]) -> None:
        """Sends a piece of the result, such as a segment of a transcript; needs no credit, so keep it small."""
        self.check()
        self._send(Partial(id=self.id, seq=self._next(), data=dict(data)))

    def progress(self, done: float = 0.0, total: float = 0.0) -> None:
        """Reports progress: `done` of `total` seconds of audio."""
        self.check()
        self._send(Progress(id=self.id, done=done, total=total))

    # --- for the harness ---------------------------------------------------------------------------------------------

    def feed(self, chunk: Chunk) -> None:
        with self._changed:
            self._chunks.append(chunk)
            self._changed.notify_all()

    def grant(self, chunks: int) -> None:
        with self._changed:
            self._credit += chunks
            self._changed.notify_all()

    def cancel(self) -> None:
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def _check_kind(self, chunk: Chunk) -> None:
        for name, value in (("rate", chunk.rate), ("channels", chunk.channels)):
            if value and value != (given := self.params.setdefault(name, value)):
                raise HushdError("bad_request", f"The {name} of a stream cannot change, from {given!r} to {value}.")

    def _next(self) -> int:
        seq, self._seq = self._seq, self._seq + 1
        return seq
