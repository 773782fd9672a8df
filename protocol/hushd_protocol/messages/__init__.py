"""Every message of hushd/1, a frozen struct each, and the directions in which they travel.

A field travels in the header map under its own name; `payload` is the frame behind the header. `id` is the request's,
16 bytes chosen by the client; the supervisor adds the connection to it. `seq` counts the chunks of one side of one
request, from 0, so that a lost frame is noticed.
"""

from __future__ import annotations

from .connection import Claim, Control, Hello, Message, Ping, Pong, Turn, Welcome, WorkerHello, Yield
from .lifecycle import Beat, Bye, Drain, LoadFailed, Loading, Ready
from .work import Accepted, Cancel, Chunk, Credit, Error, Job, Partial, Progress, Request, Result

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

__all__ = [
    "FROM_CLIENT", "FROM_WORKER", "TO_CLIENT", "TO_WORKER", "Accepted", "Beat", "Bye", "Cancel", "Chunk", "Claim",
    "Control", "Credit", "Drain", "Error", "Hello", "Job", "LoadFailed", "Loading", "Message", "Partial", "Ping",
    "Pong", "Progress", "Ready", "Request", "Result", "Turn", "Welcome", "WorkerHello", "Yield",
]  # fmt: skip
