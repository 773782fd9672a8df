"""A request and its work: from a client through the supervisor to a worker, and back."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import ID_BYTES
from hushd_protocol.values import Finite

from .connection import Credits, Id, Message


class Request(Message, frozen=True, kw_only=True, tag="request"):
    """client -> supervisor: do `op` on a worker.

    `worker` is `stt`, `stt/moonshine` or `stt/moonshine/tiny-en`: the configuration and the engine's defaults complete
    it. `op` is an operation of the worker (`transcribe`, `synthesize`, `echo`) or `warm`, which only starts it.

    `input` is the place of the input: `inline` (the payload, whole), `path` (an absolute path with the device, inode
    and size the client saw), `stream` (chunks follow, as credit allows) or `none`.

    `credit` is the number of chunks of output that may be sent before the client grants more. `keep_alive` is a lease
    in seconds after the job's end: 0 for none, -1 without end, None for the worker's default. `attempt` is 1 if the
    client sends it again, under the same id, after `worker_crashed` on a stream that only the client could repeat: a
    second crash is then known to be caused by this input.

    `session`: the input is produced while it is sent (by a microphone), for any length of time. Sessions are counted
    separately from other requests, called files, so that neither has to wait for the other.

    `caller`: a client that asks for several programs, as the gateway does, has a number for each, since programs take
    turns, and the `program`'s name; 0: for itself.
    """

    id: Id
    worker: str
    op: str
    params: JsonObject = field(default_factory=dict)
    input: str = "inline"
    path: str = ""
    device: int = 0
    inode: int = 0
    size: int = 0
    credit: Credits = 0
    priority: str = "text"
    deadline_ms: int | None = None
    keep_alive: Finite | None = None
    attempt: int = 0
    session: bool = False
    caller: int = 0
    program: str = ""


class Accepted(Message, frozen=True, kw_only=True, tag="accepted"):
    """supervisor -> client: the request waits, or waits no longer: `queued`, `starting` or `running`.

    Sent when the state changes, and every few seconds while it waits; `position` is the place in the queue, 0 for the
    next, and `note` says what happens meanwhile, such as `loading, 2.1 of 3.2 GB`. A request that runs at once only
    gets its answer.
    """

    id: Id
    state: str
    position: int = 0
    note: str = ""


class Job(Message, frozen=True, kw_only=True, tag="job"):
    """supervisor -> worker: the request as the client sent it. `credit` is what the client has granted so far.

    `economy`: memory is short, so use less, at the cost of quality if need be. A worker that has done so adds
    `degraded: true` to the result's data. `client` is a number that the jobs of one client share, or of one caller.
    """

    id: Id
    op: str
    params: JsonObject = field(default_factory=dict)
    input: str = "inline"
    path: str = ""
    device: int = 0
    inode: int = 0
    size: int = 0
    credit: Credits = 0
    economy: bool = False
    session: bool = False
    client: int = 0


class Chunk(Message, frozen=True, kw_only=True, tag="chunk"):
    """A piece of input (client -> supervisor -> worker) or of output (the other way), in `payload`.

    Costs one credit. `last` ends the input. Raw audio is s16le; `rate` (Hz) and `channels` come with its
    first chunk. For a file that is still being made, `offset` is the position of the bytes in it: a header whose
    lengths are only known at the end is sent again with offset 0.
    """

    id: Id
    seq: int
    last: bool = False
    offset: int | None = None
    rate: int = 0
    channels: int = 0


class Credit(Message, frozen=True, kw_only=True, tag="credit"):
    """Grants the peer `chunks` more chunks of this request: earlier ones were received, perhaps not played yet."""

    id: Id
    chunks: Credits


class Partial(Message, frozen=True, kw_only=True, tag="partial"):
    """worker -> supervisor -> client: a piece of the result as soon as it is known (a segment of a transcript)."""

    id: Id
    seq: int
    data: JsonObject


class Progress(Message, frozen=True, kw_only=True, tag="progress"):
    """worker -> supervisor -> client: still working; `done` of `total` seconds of audio, 0 where unknown."""

    id: Id
    done: Finite = 0.0
    total: Finite = 0.0


class Cancel(Message, frozen=True, kw_only=True, tag="cancel"):
    """client -> supervisor -> worker: stop this request. Its terminal message still comes."""

    id: Id


class Result(Message, frozen=True, kw_only=True, tag="result"):
    """The terminal message of a request that succeeded. Nothing follows it."""

    id: Id
    data: JsonObject = field(default_factory=dict)


class Error(Message, frozen=True, kw_only=True, tag="error"):
    """The terminal message of a request that failed; with an empty `id`, of a message that could not be read."""

    id: Annotated[bytes, Meta(max_length=ID_BYTES)]
    code: str
    message: str
    culprit: str = ""
    retryable: bool = False
    retry_after_ms: int | None = None
    detail: JsonObject = field(default_factory=dict)

    @classmethod
    def of(cls, request_id: bytes, error: HushdError) -> Error:
        """Makes the terminal message of a request from `error`."""
        return cls(
            id=request_id,
            code=error.code,
            message=error.message,
            culprit=error.culprit,
            retryable=error.retryable,
            retry_after_ms=error.retry_after_ms,
            detail=error.detail,
        )

    def exception(self) -> HushdError:
        """The exception that this message stands for."""
        return HushdError(self.code, self.message, self.retry_after_ms, self.detail)
