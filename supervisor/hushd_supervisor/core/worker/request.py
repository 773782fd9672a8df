"""One accepted request: its progress, its credit in both directions, and its end."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, field

from hushd_protocol import messages as m
from hushd_protocol.limits import CREDIT_WINDOW, MAX_CREDIT, PRIORITIES

from .crashes import MAX_FELLED, MAX_STARVED, Crashes, Death

AGING_S = 30.0  # seconds of waiting that raise a request by one level of priority
# Seconds between two messages to a waiting client, which takes a request for dead after 5 s of silence.
NOTICE_INTERVAL_S = 4.0
# A file running this long yields its slot to a caller that waited as long, once that is told what it waits for.
YIELD_SLOT_S = 6.0
IDLE_SLOT_S = 0.05  # seconds that a job waits for its client before it gives up its slot
CANCEL_S = 2.0  # seconds for the engine to obey a cancel if its process is to leave; then the process is killed
# Otherwise an engine may finish its present piece, since that costs less than loading the model again, as long as it
# takes less CPU time than this and shows work at least this often.
CANCEL_CPU_S = 60.0
CANCEL_STILL_S = 10.0
# A client without credit for so long counts as one that has stopped reading. Such a job holds no slot, so patience
# costs little, and an emulated or busy client may take many seconds to come to its next piece.
NO_CREDIT_TIMEOUT_S = 60.0

STOPS = ("shutting_down", "worker_stopped")  # codes of requests that we ended, not the client
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
    message: m.Request
    holder: str
    _worker: str  # the name of the worker where it waits or runs
    order: int
    arrived: float
    deadline: float = math.inf
    program: str = ""  # the name of the one who asks, for people
    client: int = 0  # a number that its caller's requests share
    turn_key: Hashable = b""  # the caller and the process that its client names; its connection if it names none
    rank: int = field(init=False)
    _done: bool = False  # whether it has ended for its client
    _lane_turn: int = 0  # turn in its queue, see `queue.Lane`; 0 until it has waited in it
    _reported: bool = False  # whether its client was told that it waits
    _last_notice_at: float = 0.0  # time when its client was last told what it waits for; 0 while it does not wait

    # The following describe the run under way:
    _started: float = 0.0  # time when the last run began
    _touched: float = 0.0
    _audio: float = 0.0  # seconds of input that the worker has reported, for the stall limit
    _cancelled: bool = False  # whether the engine was asked to end it; once it is `done`, further output is dropped
    _leaving_since: float | None = None  # time since which the leaving process has waited for this job alone
    _cpu_since_cancel_s: float = 0.0  # CPU seconds since the cancel
    _ending: str = ""  # the code with which a cancelled request ends

    _felled: int = 0  # processes under it that something outside of hushd has ended
    _starved: int = 0  # those of them that ended while memory was critically short
    _killed: list[Crashes] = field(default_factory=list)  # the records of the workers that crashed under it
    _alone: bool = False  # a file that was in a crash runs beside no other file: only a culprit is called poison
    _output: bool = False  # whether output was sent to the client, so that the job cannot be repeated

    _upload: int = 0  # chunks that the worker has asked for and the client has not sent yet
    _uploaded: int = 0  # chunks that the client has sent: the seq of the next one
    _input_complete: bool = True
    _download: int = field(init=False)  # chunks that the client can take
    _without_credit_since: float | None = None
    _waits_for_input_since: float | None = None  # time since which the worker has waited for input
    _without_slot: bool = False  # whether the job has given up its slot
    _yielded_slot: bool = False  # whether it did so for others, and not because it waited for its client

    def __post_init__(self) -> None:
        self.turn_key = self.turn_key or self.caller
        self.rank = PRIORITIES.index(self.message.priority)
        self._alone = self.message.attempt > 0 and not self.session
        self._input_complete = self.message.input != "stream"
        self._download = self.message.credit

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
        """The program for which it is: its client, or one of those for which that asks."""
        return self.route, self.message.caller

    @property
    def session(self) -> bool:
        """True for a live stream, which may last for as long as somebody speaks."""
        return self.message.session

    @property
    def repeatable(self) -> bool:
        """True if another process could run it: the supervisor holds its input, and no output has left."""
        return self.message.input != "stream" and not self._output

    @property
    def waits_for_client(self) -> bool:
        """True if the worker can do nothing before the client sends input or grants credit."""
        return self._waits_for_input_since is not None or self._without_credit_since is not None

    # --- what others ask: the fields say what each is ------------------------------------------------------------

    @property
    def worker(self) -> str:
        return self._worker

    @property
    def lane_turn(self) -> int:
        return self._lane_turn

    @property
    def started(self) -> float:
        return self._started

    @property
    def done(self) -> bool:
        return self._done

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    @property
    def ending(self) -> str:
        return self._ending

    @property
    def alone(self) -> bool:
        return self._alone

    @property
    def without_slot(self) -> bool:
        return self._without_slot

    @property
    def endless(self) -> bool:
        """True if it may run for as long as its client likes."""
        return self.session or (self._without_slot and not self._yielded_slot)

    def next_notice_at(self) -> float:
        """The time at which its client must be told again what it waits for."""
        return self._last_notice_at + NOTICE_INTERVAL_S

    def first_output_s(self, now: float) -> float | None:
        """The seconds from its arrival to its first output, if that comes now and did not wait for the client."""
        return None if self._output or self.session or self._without_slot else now - self.arrived

    def wait(self, worker: str, now: float) -> None:
        """Waits at a worker; at another one than before it has a new turn."""
        if worker != self._worker:
            self._worker, self._lane_turn = worker, 0
        self._last_notice_at = self._last_notice_at or now

    def line_up(self, turn: int) -> bool:
        """Takes `turn` in a queue unless it has one; returns whether it did."""
        is_new = not self._lane_turn
        self._lane_turn = self._lane_turn or turn
        return is_new

    def notice_sent(self, now: float) -> float:
        """Notes that its client is told that it waits; returns when that must be told again."""
        self._last_notice_at, self._reported = now, True
        return self.next_notice_at()

    def level(self, now: float) -> int:
        """Its priority, 0 for the most urgent; rises by one for each AGING_S of waiting."""
        return self.rank - int((now - self.arrived) / AGING_S)

    def urgency(self, now: float) -> tuple[int, int]:
        """Its priority with its wait, then its arrival; the least goes first."""
        return self.level(now), self.order

    def job(self, economy: bool) -> m.Job:
        """The message that hands it to a process."""
        message = self.message
        return m.Job(
            id=message.id,
            op=message.op,
            params=message.params,
            input=message.input,
            path=message.path,
            device=message.device,
            inode=message.inode,
            size=message.size,
            credit=self._download,
            economy=economy,
            session=message.session,
            client=self.client,
            payload=message.payload,
        )

    # --- the run -------------------------------------------------------------------------------------------------

    def run(self, now: float) -> bool:
        """Starts a run on a process; returns whether its client must hear of that, since it was told that it waits."""
        self._started = self._touched = now
        self._audio = 0.0
        self._without_credit_since = now if self._download == 0 else None
        self._waits_for_input_since, self._without_slot, self._yielded_slot = None, False, False
        reported, self._reported, self._last_notice_at = self._reported, False, 0.0
        return reported

    def receive(self, message: m.Message, now: float) -> bool:
        """Keeps the accounts of a message of its process; False if that breaks the rules of credit."""
        self._touched = now
        match message:
            case _ if self._done:
                return True
            case m.Chunk():
                return self._accept_output(now)
            case m.Partial():
                self._output = True
            case m.Progress():
                self._audio = max(message.total, message.done)
            case m.Credit():
                return self._ask_input(message.chunks, now)
        return True

    def compute(self, cpu_s: float, works: bool, now: float) -> None:
        """Takes its part of its process's CPU time since the last beat, and whether that is a sign of work."""
        if self._cancelled:
            self._cpu_since_cancel_s += cpu_s
        if works:
            self._touched = now

    def _ask_input(self, chunks: int, now: float) -> bool:
        """Records the worker's credit for input; False if it exceeds any window."""
        self._upload += chunks
        # A worker grants a chunk when it comes for the next one, so a fully granted window means that all input is used
        # up.
        if self._waits_for_input_since is None and not self._input_complete and self._upload >= CREDIT_WINDOW:
            self._waits_for_input_since = now
        return self._upload <= MAX_CREDIT

    def accept_input(self, chunk: m.Chunk, now: float) -> bool:
        """Records a chunk from the client; False if it was not asked for or is not the next one."""
        if self._upload <= 0 or self._input_complete or chunk.seq != self._uploaded:
            return False
        if self.waits_for_client:
            self._touched = now
        self._waits_for_input_since = None
        self._upload -= 1
        self._uploaded += 1
        self._input_complete = chunk.last
        return True

    def _accept_output(self, now: float) -> bool:
        """Records a chunk for the client; False if the client has granted none."""
        if self._download <= 0:
            return False
        self._download -= 1
        self._output = True
        if self._download == 0:
            self._without_credit_since = now
        return True

    def grant(self, chunks: int, now: float) -> bool:
        """Records the client's credit for `chunks` more; False if it exceeds any window."""
        if chunks > 0 and self._without_credit_since is not None:
            self._without_credit_since = None
            self._touched = now
        self._download += chunks
        return self._download <= MAX_CREDIT

    # --- the end -------------------------------------------------------------------------------------------------

    def cancel(self, code: str, now: float) -> bool:
        """Notes the code with which its run is to end; returns whether the engine must be asked to stop."""
        asks = not self._cancelled
        if asks:
            self._cancelled, self._touched = True, now
        self._ending = (self._ending if code in STOPS else "") or code
        return asks

    def end_as(self, code: str, instead_of: str) -> None:
        """Ends with `code` where it would end with another one."""
        if self._ending == instead_of:
            self._ending = code

    def end(self) -> None:
        """Ends for its client, once."""
        assert not self._done
        self._done = True

    def died(self, death: Death, crashes: Crashes) -> bool:
        """Notes the death of the process under it, whose worker has these `crashes`.
        Returns whether it counts as the cause, since it is the second; then it explains them."""
        if death.felled:
            self._felled += 1
            self._starved += death.short
            return self._starved >= MAX_STARVED and not self._ending
        self._killed.append(crashes)
        second = len(self._killed) + self.message.attempt >= 2 and not self._ending
        for record in self._killed if second else ():  # one for each replica that it ran on
            record.explain(self.key)
        return second

    @property
    def is_given_up(self) -> bool:
        """True if so many processes have died under it that no other one runs it."""
        return self._felled >= MAX_FELLED or len(self._killed) >= 2

    def again(self) -> None:
        """Prepares for another run, as if the last one had not been stopped."""
        self._alone = (self._alone or bool(self._killed or self._starved)) and not self.session
        self._cancelled, self._leaving_since, self._cpu_since_cancel_s, self._ending = False, None, 0.0, ""

    # --- time ----------------------------------------------------------------------------------------------------

    def limit_cancel(self, now: float) -> None:
        """Gives the engine little more time to obey the cancel: its process is to leave."""
        self._leaving_since = now if self._leaving_since is None else self._leaving_since

    def extend_deadlines(self, by_s: float, now: float) -> None:
        """Extends every clock by `by_s` seconds, except the deadline, which is the client's."""
        self._touched = min(now, self._touched + by_s)
        if self._leaving_since is not None:
            self._leaving_since = min(now, self._leaving_since + by_s)
        if self._without_credit_since is not None:
            self._without_credit_since = min(now, self._without_credit_since + by_s)
        if self._waits_for_input_since is not None:
            self._waits_for_input_since = min(now, self._waits_for_input_since + by_s)

    def client_stopped_reading(self, now: float) -> bool:
        """Returns whether the client has stopped reading for too long."""
        return self._without_credit_since is not None and self._without_credit_since + NO_CREDIT_TIMEOUT_S <= now

    def idle_slot_until(self) -> float:
        """The time until which it keeps its slot if it waits for its client."""
        if self.session or (self._without_slot and not self._yielded_slot) or self._cancelled:
            return math.inf
        waits = [since for since in (self._waits_for_input_since, self._without_credit_since) if since is not None]
        return min(waits, default=math.inf) + IDLE_SLOT_S

    def leave_idle_slot(self, now: float) -> bool:
        """Gives up its slot if it has waited for its client for long; returns whether it did."""
        steps = self.idle_slot_until() <= now
        if steps:
            self._without_slot, self._yielded_slot = True, False
        return steps

    def yield_slot(self, now: float) -> None:
        """Gives up its slot for others that wait, if it is a file that has run for long in one that it may leave."""
        fixed = self.session or self._without_slot or self._cancelled or self._alone
        if not fixed and now >= self._started + YIELD_SLOT_S:
            self._without_slot = self._yielded_slot = True

    def cancel_ignored(self, now: float) -> bool:
        """Returns whether the engine has not obeyed a cancel in time."""
        return self._cancelled and (self._obeys_until() <= now or self._cpu_since_cancel_s >= CANCEL_CPU_S)

    def _obeys_until(self) -> float:
        limit = math.inf if self._leaving_since is None else self._leaving_since + CANCEL_S
        return min(limit, self._touched + CANCEL_STILL_S)

    def stalls_at(self, limit: float) -> float:
        """The time at which the run counts as stalled if the process shows no work until then."""
        if self.waits_for_client or self._cancelled:
            return math.inf
        return self._touched + max(limit, 2 * self._audio)

    def next_deadline(self, stall_limit: float) -> float:
        """The earliest time at which a running request needs attention."""
        if self._cancelled:
            return self._obeys_until()
        unread = math.inf if self._without_credit_since is None else self._without_credit_since + NO_CREDIT_TIMEOUT_S
        return min(self.deadline, unread, self.stalls_at(stall_limit))
