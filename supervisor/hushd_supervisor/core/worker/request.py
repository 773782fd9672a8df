"""One accepted request: its progress, its credit in both directions, and its end."""

from __future__ import annotations

import math
from collections.abc import Hashable

from hushd_protocol.light_dataclass import dataclass, field
from hushd_protocol.limits import CREDIT_WINDOW, MAX_CREDIT, PRIORITIES
from hushd_protocol.messages import Chunk, Job, Request

from .crashes import Crashes

AGING_S = 30.0  # seconds of waiting that raise a request by one level of priority
ASIDE_S = 0.05  # seconds that a job waits for its client before it gives up its slot
CANCEL_S = 2.0  # seconds for the engine to obey a cancel if its process is to leave; then the process is killed
# Otherwise an engine may finish its present piece, since that costs less than loading the model again, as long as it
# takes less CPU time than this and shows work at least this often.
UNHEARD_CPU_S = 60.0
UNHEARD_STILL_S = 10.0
# A client without credit for so long counts as one that has stopped reading. Such a job holds no slot, so patience
# costs little, and an emulated or busy client may take many seconds to come to its next piece.
UNREAD_TIMEOUT_S = 60.0

ENDINGS = {
    "cancelled": "The request was cancelled.",
    "deadline_exceeded": "The request's deadline has passed.",
    "slow_consumer": "The client stood still, or stopped reading its results; ask again.",
    "protocol_error": "The client sent input that was not asked for or is out of order, or granted too much credit.",
    "shutting_down": "hushd is shutting down, and the job had not finished in time; ask again.",
    "worker_stopped": "The worker was stopped before the job had finished; ask again.",
}


@dataclass(eq=False, slots=True)
class ActiveRequest:
    """A request, from its acceptance to its one terminal message.

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
    program: str = ""  # the name of the one who asks, for people
    done: bool = False
    client: int = 0  # a number that its caller's requests share
    line: Hashable = b""  # the caller and the process that its client names; its connection if it names none
    round: int = 0  # turn in its queue, see `queue.Line`; 0 until it has waited in it
    position: int | None = None  # place in the queue, as last reported to the client
    told: float = 0.0  # time when its client was last told what it waits for; 0 while it does not wait
    gone: bool = False  # whether its client has left, so that nothing more is sent

    # The following describe the run under way:
    started: float = 0.0
    touched: float = 0.0
    audio: float = 0.0  # seconds of input that the worker has reported, for the stall limit
    cancelled: bool = False  # whether the engine was asked to end it; once it is `done`, further output is dropped
    hurried_at: float | None = None  # time since which the leaving process has waited for this job alone
    unheard_cpu_s: float = 0.0  # CPU seconds since the cancel
    ending: str = ""  # the code with which a cancelled request ends

    felled: int = 0  # processes under it that something outside of hushd has ended
    starved: int = 0  # those of them that ended while memory was critically short
    killed: list[Crashes] = field(default_factory=list)  # the records of the workers that crashed under it
    alone: bool = False  # a file that was in a crash runs beside no other file, so that only a culprit is called poison
    output: bool = False  # whether output was sent to the client, so that the job cannot be repeated

    upload: int = 0  # chunks that the worker has asked for and the client has not sent yet
    uploaded: int = 0  # chunks that the client has sent: the seq of the next one
    input_complete: bool = True
    download: int = field(init=False)  # chunks that the client can take
    unread_since: float | None = None
    hungry_since: float | None = None  # time since which the worker has waited for input
    aside: bool = False  # whether the job has given up its slot
    gave_way: bool = False  # whether it did so for others, and not because it waited for its client

    rank: int = field(init=False)

    def __post_init__(self) -> None:
        self.line = self.line or self.caller
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
    def caller(self) -> tuple[bytes, int]:
        """For whom it is: its client, or one of the programs for which that asks."""
        return self.route, self.message.caller

    @property
    def session(self) -> bool:
        """True for a live stream, which may last for as long as somebody speaks."""
        return self.message.session

    @property
    def repeatable(self) -> bool:
        """True if another process could run it: the supervisor holds its input, and no output has left."""
        return self.message.input != "stream" and not self.output

    @property
    def waits_for_client(self) -> bool:
        """True if the worker can do nothing before the client sends input or grants credit."""
        return self.hungry_since is not None or self.unread_since is not None

    def move(self, worker: str) -> None:
        """Notes that it goes to another worker, where it has a new turn."""
        self.worker, self.round = worker, 0

    def line_up(self, turn: int) -> None:
        """Takes its turn in a queue."""
        self.round = turn

    def leave(self) -> None:
        """Notes that its client has left."""
        self.gone = True

    def hear(self, now: float) -> None:
        """Notes that its client was told what it waits for."""
        self.told = now

    def give_way(self, gives_way: bool) -> None:
        """Gives up its slot for others, or keeps it."""
        self.aside = self.gave_way = gives_way

    def died(self, crashes: Crashes) -> None:
        """Notes that a process, whose worker has these `crashes`, died under it."""
        self.killed.append(crashes)

    def fell(self, *, short: bool) -> None:
        """Notes that something outside of hushd has ended the process under it; `short`: perhaps for its memory."""
        self.felled += 1
        self.starved += short

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
            client=self.client,
            payload=message.payload,
        )

    def run(self, now: float) -> None:
        """Starts a run on a process."""
        self.started = self.touched = now
        self.audio = 0.0
        self.unread_since = now if self.download == 0 else None
        self.hungry_since, self.aside, self.gave_way = None, False, False

    def ask_input(self, chunks: int, now: float) -> bool:
        """Records the worker's credit for input; False if it exceeds any window."""
        self.upload += chunks
        # A worker grants a chunk when it comes for the next one, so a fully granted window means that all input is used
        # up.
        if self.hungry_since is None and not self.input_complete and self.upload >= CREDIT_WINDOW:
            self.hungry_since = now
        return self.upload <= MAX_CREDIT

    def again(self) -> None:
        """Prepares for another run, as if this one had not been stopped."""
        self.alone = (self.alone or bool(self.killed or self.starved)) and not self.session
        self.cancelled, self.hurried_at, self.unheard_cpu_s, self.ending = False, None, 0.0, ""

    def take_input(self, chunk: Chunk, now: float) -> bool:
        """Records a chunk from the client; False if it was not asked for or is not the next one."""
        if self.upload <= 0 or self.input_complete or chunk.seq != self.uploaded:
            return False
        if self.waits_for_client:
            self.touched = now
        self.hungry_since = None
        self.upload -= 1
        self.uploaded += 1
        self.input_complete = chunk.last
        return True

    def take_output(self, now: float) -> bool:
        """Records a chunk for the client; False if the client has granted none."""
        if self.download <= 0:
            return False
        self.download -= 1
        self.output = True
        if self.download == 0:
            self.unread_since = now
        return True

    def grant(self, chunks: int, now: float) -> bool:
        """Records the client's credit for `chunks` more; False if it exceeds any window."""
        if chunks > 0 and self.unread_since is not None:
            self.unread_since = None
            self.touched = now
        self.download += chunks
        return self.download <= MAX_CREDIT

    def excuse(self, late: float, now: float) -> None:
        """Extends every clock by `late` seconds, except the deadline, which is the client's."""
        self.touched = min(now, self.touched + late)
        if self.hurried_at is not None:
            self.hurried_at = min(now, self.hurried_at + late)
        if self.unread_since is not None:
            self.unread_since = min(now, self.unread_since + late)
        if self.hungry_since is not None:
            self.hungry_since = min(now, self.hungry_since + late)

    def starves(self, now: float) -> bool:
        """Returns whether the client has stopped reading for too long."""
        return self.unread_since is not None and self.unread_since + UNREAD_TIMEOUT_S <= now

    def aside_at(self) -> float:
        """The time at which it counts as set aside for its client if it still waits for that."""
        if self.session or (self.aside and not self.gave_way) or self.cancelled:
            return math.inf
        waits = [since for since in (self.hungry_since, self.unread_since) if since is not None]
        return min(waits, default=math.inf) + ASIDE_S

    @property
    def has_slot(self) -> bool:
        """True if it is a file in a slot that it may leave."""
        return not (self.session or self.aside or self.cancelled or self.alone)

    def cancel_ignored(self, now: float) -> bool:
        """Returns whether the engine has not obeyed a cancel in time."""
        return self.cancelled and (self._obeys_until() <= now or self.unheard_cpu_s >= UNHEARD_CPU_S)

    def _obeys_until(self) -> float:
        hurried = math.inf if self.hurried_at is None else self.hurried_at + CANCEL_S
        return min(hurried, self.touched + UNHEARD_STILL_S)

    def stalls_at(self, limit: float) -> float:
        """The time at which the run counts as stalled if the process shows no work until then."""
        if self.waits_for_client or self.cancelled:
            return math.inf
        return self.touched + max(limit, 2 * self.audio)

    def next_deadline(self, stall_limit: float) -> float:
        """The earliest time at which a running request needs attention."""
        if self.cancelled:
            return self._obeys_until()
        unread = math.inf if self.unread_since is None else self.unread_since + UNREAD_TIMEOUT_S
        return min(self.deadline, unread, self.stalls_at(stall_limit))
