"""Every message of hushd/1: a frozen dataclass each, in the order a conversation uses them.

A field is what travels in the header map under its own name; `payload` is the frame behind the header. `id` is the
request's, 16 bytes chosen by the client; the supervisor keys it with the connection. `seq` counts what one side
sends for one request, from 0, so that a lost frame is noticed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from .errors import HushdError


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What all messages share. `TYPE` is the value of the header's `type` key."""

    TYPE: ClassVar[str] = ""

    payload: bytes = b""


# --- opening a connection -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(Message):
    """client -> supervisor, first and once. Requests are sent after `welcome`.

    `holder` names who keeps workers alive between connections (`cli` for the commands); None: this connection.
    """

    TYPE: ClassVar[str] = "hello"

    protocol: int
    version: str
    holder: str | None = None
    pid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome(Message):
    """supervisor -> client or worker, the answer to a hello."""

    TYPE: ClassVar[str] = "welcome"

    protocol: int
    version: str
    pid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHello(Message):
    """worker -> supervisor, first and once, with the one-time token the supervisor put in its environment."""

    TYPE: ClassVar[str] = "worker_hello"

    token: str
    protocol: int
    version: str
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Message):
    """supervisor -> client, every 2 s while the client has a request; answered by `pong`."""

    TYPE: ClassVar[str] = "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong(Message):
    """client -> supervisor."""

    TYPE: ClassVar[str] = "pong"


# --- a request and its work -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Message):
    """client -> supervisor: do `op` on a worker.

    `worker` is `stt`, `stt/moonshine` or `stt/moonshine/tiny-en`: what is left out, config and the engine's
    defaults fill. `op` is the worker's word (`transcribe`, `synthesize`, `echo`) or `warm`, which starts the worker
    and asks nothing of it.

    `input` says where the input is: `inline` (the payload, whole), `path` (an absolute path with the device, inode
    and size the client saw), `stream` (chunks follow, as credit allows) or `none`.

    `credit` is how many chunks of output may be sent before the client grants more. `keep_alive` is a lease in
    seconds after the job's end: 0 none, -1 without end, None the worker's default. `attempt` is 1 when the client asks
    again, under the same id, after `worker_crashed` on a stream that only it could repeat: so that a second crash is
    known to be this input's.
    """

    TYPE: ClassVar[str] = "request"

    id: bytes
    worker: str
    op: str
    params: dict[str, Any] = field(default_factory=dict)
    input: str = "inline"
    path: str = ""
    device: int = 0
    inode: int = 0
    size: int = 0
    credit: int = 0
    priority: str = "text"
    deadline_ms: int | None = None
    keep_alive: float | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Message):
    """supervisor -> client: the request has to wait, or waits no longer: `queued`, `starting` or `running`.

    Sent when the state changes; `position` is the place in the queue, 0 for next. A request that runs at once is
    not told so: its answer tells it.
    """

    TYPE: ClassVar[str] = "accepted"

    id: bytes
    state: str
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Message):
    """supervisor -> worker: the request, as the client put it. `credit` is what the client has granted so far.

    `economy`: memory is short, so do it with less, at the cost of quality if need be. A worker that has done so adds
    `degraded: true` to the result's data.
    """

    TYPE: ClassVar[str] = "job"

    id: bytes
    op: str
    params: dict[str, Any] = field(default_factory=dict)
    input: str = "inline"
    path: str = ""
    device: int = 0
    inode: int = 0
    size: int = 0
    credit: int = 0
    economy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk(Message):
    """A piece of input (client -> supervisor -> worker) or of output (the other way), in `payload`.

    Costs one credit. `last` ends the input. Raw audio is s16le; `rate` (Hz) and `channels` come with the first
    chunk of it. For a file in the making, `offset` is where in the file the bytes belong: a header whose lengths
    are known only at the end is sent again with offset 0.
    """

    TYPE: ClassVar[str] = "chunk"

    id: bytes
    seq: int
    last: bool = False
    offset: int | None = None
    rate: int = 0
    channels: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit(Message):
    """Grants the peer `chunks` more chunks of this request. Means received, not consumed by the person."""

    TYPE: ClassVar[str] = "credit"

    id: bytes
    chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial(Message):
    """worker -> supervisor -> client: a piece of the result as soon as it is known (a segment of a transcript)."""

    TYPE: ClassVar[str] = "partial"

    id: bytes
    seq: int
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Message):
    """worker -> supervisor -> client: still working; `done` of `total` seconds of audio, 0 where unknown."""

    TYPE: ClassVar[str] = "progress"

    id: bytes
    done: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Message):
    """client -> supervisor -> worker: stop this request. Its terminal message still comes."""

    TYPE: ClassVar[str] = "cancel"

    id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Message):
    """The terminal message of a request that succeeded. Nothing follows it."""

    TYPE: ClassVar[str] = "result"

    id: bytes
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Error(Message):
    """The terminal message of a request that failed; with an empty `id`, of what could not be read at all."""

    TYPE: ClassVar[str] = "error"

    id: bytes
    code: str
    message: str
    culprit: str = ""
    retryable: bool = False
    retry_after_ms: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, request_id: bytes, error: HushdError) -> Error:
        """`error` as the terminal message of a request."""
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
        """The exception this message stands for."""
        return HushdError(self.code, self.message, self.retry_after_ms, self.detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Message):
    """client -> supervisor: `status`, `describe`, `unload`, `shutdown`; `names` are the workers meant.

    `stop`, `cancel`, `pause` and `resume` concern who speaks: `names` are numbers of turns, clients, or `self`.

    Answered by `result` or `error`. Never counts as use of a worker.
    """

    TYPE: ClassVar[str] = "control"

    id: bytes
    action: str
    names: list[str] = field(default_factory=list)


# --- the floor ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Message):
    """client -> supervisor: wants `devices` (`speaker`, `microphone`), all of them at once or none.

    Answered by `turn` whenever it changes who has them, and ended like a request by one `result` or `error`.
    """

    TYPE: ClassVar[str] = "claim"

    id: bytes
    devices: list[str]
    priority: str = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Message):
    """supervisor -> client: where a claim stands: `waiting`, `granted` or `paused`.

    `waiting` and `paused` after `granted` mean: be silent within a second, and say `yield`. `number` is the claim's
    name for people; `position` the place among those who wait, 0 for next.
    """

    TYPE: ClassVar[str] = "turn"

    id: bytes
    state: str
    number: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Yield(Message):
    """client -> supervisor: the devices of this claim are silent. `keep`: it wants them again, in its old place."""

    TYPE: ClassVar[str] = "yield"

    id: bytes
    keep: bool = False


# --- a worker's life ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading(Message):
    """worker -> supervisor while it loads and makes progress: re-arms the start timer."""

    TYPE: ClassVar[str] = "loading"

    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(Message):
    """worker -> supervisor: loaded. `slots` is how many jobs it takes at once, `pss` its size in bytes."""

    TYPE: ClassVar[str] = "ready"

    slots: int = 1
    pss: int = 0
    capabilities: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFailed(Message):
    """worker -> supervisor: it cannot ever become ready (no engine, no weights). It leaves by itself after this."""

    TYPE: ClassVar[str] = "load_failed"

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat(Message):
    """worker -> supervisor every 2 s while a job runs: alive. `cpu_s` is the process's CPU time, `pss` in bytes."""

    TYPE: ClassVar[str] = "beat"

    cpu_s: float
    pss: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain(Message):
    """supervisor -> worker: leave once nothing runs; no further job will come."""

    TYPE: ClassVar[str] = "drain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye(Message):
    """worker -> supervisor: nothing follows. supervisor -> worker: all was received, exit."""

    TYPE: ClassVar[str] = "bye"


FROM_CLIENT: tuple[type[Message], ...] = (
    Hello, Pong, Request, Chunk, Credit, Cancel, Control, Claim, Yield,
)  # fmt: skip
TO_CLIENT: tuple[type[Message], ...] = (
    Welcome, Ping, Accepted, Chunk, Credit, Partial, Progress, Result, Error, Turn,
)  # fmt: skip
FROM_WORKER: tuple[type[Message], ...] = (
    WorkerHello, Loading, Ready, LoadFailed, Beat, Progress, Chunk, Credit, Partial, Result, Error, Bye,
)  # fmt: skip
TO_WORKER: tuple[type[Message], ...] = (Welcome, Job, Chunk, Credit, Cancel, Drain, Bye)
