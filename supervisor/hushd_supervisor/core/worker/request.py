"""One accepted request: its progress, the credit in both directions, and how it must end."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hushd_protocol.limits import CREDIT_WINDOW, MAX_CREDIT, PRIORITIES
from hushd_protocol.messages import Chunk, Job, Request

from .crashes import Crashes

AGING_S = 30.0  # of waiting raise a request by one level of priority
CANCEL_S = 2.0  # for the engine to obey a cancel; then the process is killed
STARVED_S = 15.0  # without credit, after the last was used up: the client has stopped reading


@dataclass(eq=False, slots=True)
class ActiveRequest:
    """A request from its acceptance to its one terminal message.

    The stall clock (`touched`) runs only while the worker has something to do: neither a paused player nor a silent
    microphone is a hung engine.
    """

    route: bytes
    message: Request
    holder: str
    worker: str  # the name of the worker where it waits or runs
    order: int
    arrived: float
    deadline: float = math.inf
    done: bool = False
    place: int | None = None  # in the queue, as last reported to the client
    gone: bool = False  # its client has left: nothing more is sent
    degraded: bool = False  # it runs on a smaller model than usual, as its result will report

    # of the run under way
    started: float = 0.0
    touched: float = 0.0
    audio: float = 0.0  # seconds of input that the worker has reported, for the stall limit
    cancelled_at: float | None = None
    ending: str = ""  # the code that a cancelled request ends with

    killed: list[Crashes] = field(default_factory=list)  # the records of the workers that crashed under it
    alone: bool = (
        False  # a file that was in a crash: runs beside no other file, so that only a culprit is called poison
    )
    output: bool = False  # something was sent to the client: cannot be repeated

    upload: int = 0  # chunks that the worker has asked for and the client has not sent
    uploaded: int = 0  # chunks that the client has sent: the seq of the next one
    input_complete: bool = True
    download: int = 0  # chunks that the client can take
    starved_since: float | None = None

    rank: int = field(init=False)

    def __post_init__(self) -> None:
        self.rank = PRIORITIES.index(self.message.priority)
        self.alone = self.message.attempt > 0 and not self.session
        self.input_complete = self.message.input != "stream"
        self.download = self.message.credit

    @property
    def id(self) -> bytes:
        """The id that its client gave it."""
        return self.message.id

    @property
    def key(self) -> tuple[bytes, bytes]:
        """Its name among the requests of all clients."""
        return self.route, self.message.id

    @property
    def session(self) -> bool:
        """Whether it is a live stream, and so may last for as long as somebody speaks."""
        return self.message.session

    @property
    def repeatable(self) -> bool:
        """Whether another process could run it: the supervisor holds its input, and no output has left."""
        return self.message.input != "stream" and not self.output

    @property
    def waits_for_client(self) -> bool:
        """Whether the worker can do nothing before the client sends input or grants credit."""
        # A worker grants a chunk for each it has read, so a whole window granted means that all was read.
        hungry = not self.input_complete and self.upload >= CREDIT_WINDOW
        return hungry or self.starved_since is not None

    def level(self, now: float) -> int:
        """Its priority, 0 for the most urgent; rises by one for each AGING_S of waiting."""
        return self.rank - int((now - self.arrived) / AGING_S)

    def job(self, economy: bool) -> Job:
        """The message that hands it to a process."""
        message = self.message
        return Job(
            id=message.id,
            op=message.op,
            params=message.params,
            input=message.input,
            path=message.path,
            device=message.device,
            inode=message.inode,
            size=message.size,
            credit=self.download,
            economy=economy,
            session=message.session,
            payload=message.payload,
        )

    def run(self, now: float) -> None:
        """Starts a run on a process."""
        self.started = self.touched = now
        self.audio = 0.0
        self.starved_since = now if self.download == 0 else None

    def take_input(self, chunk: Chunk, now: float) -> bool:
        """Books a chunk from the client; False when it was not asked for or is not the next one."""
        if self.upload <= 0 or self.input_complete or chunk.seq != self.uploaded:
            return False
        if self.waits_for_client:
            self.touched = now
        self.upload -= 1
        self.uploaded += 1
        self.input_complete = chunk.last
        return True

    def take_output(self, now: float) -> bool:
        """Books a chunk for the client; False when the client has granted none."""
        if self.download <= 0:
            return False
        self.download -= 1
        self.output = True
        if self.download == 0:
            self.starved_since = now
        return True

    def grant(self, chunks: int, now: float) -> bool:
        """Books credit for `chunks` more from the client; False when that is beyond any window."""
        if chunks > 0 and self.starved_since is not None:
            self.starved_since = None
            self.touched = now
        self.download += chunks
        return self.download <= MAX_CREDIT

    def excuse(self, late: float) -> None:
        """Takes `late` seconds out of every clock but the deadline, which is the client's."""
        self.touched += late
        if self.cancelled_at is not None:
            self.cancelled_at += late
        if self.starved_since is not None:
            self.starved_since += late

    def starves(self, now: float) -> bool:
        """Whether the client has stopped reading for too long."""
        return self.starved_since is not None and self.starved_since + STARVED_S <= now

    def cancel_ignored(self, now: float) -> bool:
        """Whether the engine has had its time to obey a cancel, and has not."""
        return self.cancelled_at is not None and self.cancelled_at + CANCEL_S <= now

    def stalls_at(self, limit: float) -> float:
        """The time at which the run counts as stalled, if the process shows no work until then."""
        if self.waits_for_client or self.cancelled_at is not None:
            return math.inf
        return self.touched + max(limit, 2 * self.audio)

    def next_deadline(self, stall_limit: float) -> float:
        """The earliest time at which a running request needs attention."""
        if self.cancelled_at is not None:
            return self.cancelled_at + CANCEL_S
        starved = math.inf if self.starved_since is None else self.starved_since + STARVED_S
        return min(self.deadline, starved, self.stalls_at(stall_limit))
