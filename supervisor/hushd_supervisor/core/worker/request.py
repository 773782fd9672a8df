"""One accepted request on its way: where it stands, what it may still send and receive, and how it must end."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hushd_protocol.limits import CREDIT_WINDOW, MAX_CREDIT, PRIORITIES
from hushd_protocol.messages import Chunk, Request

if TYPE_CHECKING:
    from .crashes import Crashes
    from .worker import Worker

AGING_S = 30.0  # of waiting are worth one level of priority
CANCEL_S = 2.0  # for the engine to obey a cancel; then the process is killed
STARVED_S = 15.0  # without credit from the client after it was used up: it has stopped reading


@dataclass(eq=False, slots=True)
class Ticket:
    """A request from its acceptance to its one terminal message.

    The stall clock (`touched`) runs only while the worker has something to do: neither a paused player nor a silent
    microphone is a hung engine.
    """

    route: bytes
    request: Request
    holder: str
    brain: Worker
    order: int
    arrived: float
    deadline: float = math.inf
    done: bool = False
    place: int | None = None  # in the queue, as the client was told
    gone: bool = False  # its client has left: nothing is sent any more
    degraded: bool = False  # it goes to a smaller model than usual, which its result says

    # of the run under way
    started: float = 0.0
    touched: float = 0.0
    audio: float = 0.0  # seconds of input the worker spoke of, for the stall limit
    cancelled_at: float | None = None
    ending: str = ""  # the code a cancelled ticket ends with

    killed: list[Crashes] = field(default_factory=list)  # whose crashes it was in
    alone: bool = False  # a file that was in a crash: runs beside no other, so that only a culprit is called poison
    output: bool = False  # something was sent to the client: cannot be repeated

    upload: int = 0  # chunks the worker has asked for and the client has not sent
    uploaded: int = 0  # chunks the client has sent, which is the next one's seq
    input_complete: bool = True
    download: int = 0  # chunks the client can take
    starved_since: float | None = None

    rank: int = field(init=False)

    def __post_init__(self) -> None:
        self.rank = PRIORITIES.index(self.request.priority)
        self.alone = self.request.attempt > 0 and not self.session
        self.input_complete = self.request.input != "stream"
        self.download = self.request.credit

    @property
    def key(self) -> tuple[bytes, bytes]:
        return self.route, self.request.id

    @property
    def session(self) -> bool:
        """Whether it is live, and so may last for as long as somebody speaks."""
        return self.request.session

    @property
    def repeatable(self) -> bool:
        """Whether the supervisor could give it to another process: it holds the input, and no output has left."""
        return self.request.input != "stream" and not self.output

    @property
    def waits_for_client(self) -> bool:
        """Whether the worker can do nothing before the client sends input or grants credit."""
        # A worker grants a chunk for each it has read, so a whole window granted means that all was read.
        hungry = not self.input_complete and self.upload >= CREDIT_WINDOW
        return hungry or self.starved_since is not None

    def level(self, now: float) -> int:
        """Its priority, 0 for the most urgent; it rises by one for each AGING_S of waiting."""
        return self.rank - int((now - self.arrived) / AGING_S)

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
        """Books a chunk for the client; False when it has not granted any."""
        if self.download <= 0:
            return False
        self.download -= 1
        self.output = True
        if self.download == 0:
            self.starved_since = now
        return True

    def grant(self, chunks: int, now: float) -> bool:
        """The client can take `chunks` more; False when that is more than anybody can."""
        if chunks > 0 and self.starved_since is not None:
            self.starved_since = None
            self.touched = now
        self.download += chunks
        return self.download <= MAX_CREDIT

    def starves(self, now: float) -> bool:
        """Whether the client has stopped reading for too long."""
        return self.starved_since is not None and self.starved_since + STARVED_S <= now

    def cancel_ignored(self, now: float) -> bool:
        """Whether the engine had its time to obey a cancel, and has not."""
        return self.cancelled_at is not None and self.cancelled_at + CANCEL_S <= now

    def stalls_at(self, limit: float) -> float:
        """When the run counts as stalled, if nothing is heard until then."""
        if self.waits_for_client or self.cancelled_at is not None:
            return math.inf
        return self.touched + max(limit, 2 * self.audio)

    def next_deadline(self, stall_limit: float) -> float:
        """The earliest time at which something must be done about a running ticket."""
        if self.cancelled_at is not None:
            return self.cancelled_at + CANCEL_S
        starved = math.inf if self.starved_since is None else self.starved_since + STARVED_S
        return min(self.deadline, starved, self.stalls_at(stall_limit))
