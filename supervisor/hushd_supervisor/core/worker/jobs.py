"""The requests of one worker: those that wait (`line`), and those that run on its process.

`Jobs` keeps the accounts of every ticket and passes its messages on in both directions; when the process starts and
ends is the brain's affair. Every ticket ends in `finish`, exactly once.
"""

from __future__ import annotations

import math
from dataclasses import replace

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_CREDIT

from hushd_supervisor.core.actions import Action, ToClient, ToWorker

from .queue import Queue
from .request import Ticket

ENDINGS = {
    "cancelled": "The request was cancelled.",
    "deadline_exceeded": "The request's deadline has passed.",
    "slow_consumer": "The client has stopped reading its results.",
    "protocol_error": "The client sent input that was not asked for, or out of order, or granted too much.",
    "shutting_down": "The job did not finish before its worker had to leave; ask again.",
}


class Jobs:
    """What is asked of worker `worker`; actions are appended to `out`.

    Attributes:
        line: the tickets that wait, and the places that there are.
        running: tickets by request id, at most as many as there are places.
        ended: tickets finished since the pool last looked.
        gen: the process that `running` runs on.
        completed: how many jobs have ended on a worker.
        economy: memory is short: jobs are asked to do with less.
    """

    def __init__(self, worker: str, out: list[Action]) -> None:
        self._worker = worker
        self._out = out
        self.gen = 0
        self.line = Queue(self._tell_queued)
        self.running: dict[bytes, Ticket] = {}
        self.ended: list[Ticket] = []
        self.completed = 0
        self._usual_s = {False: 0.0, True: 0.0}  # moving averages of the time of a file, and of a session
        self.economy = False

    # --- waiting and starting ------------------------------------------------------------------------------------

    @property
    def waiting(self) -> list[Ticket]:
        """The tickets that wait, in their order."""
        return self.line.waiting

    @property
    def sessions(self) -> int:
        """How many live streams run."""
        return sum(ticket.session for ticket in self.running.values())

    def wait(self, ticket: Ticket, now: float) -> None:
        """Puts `ticket` among those that wait, and tells everybody there whose place has changed."""
        self.waiting.append(ticket)
        self.line.sort(now)

    def next(self) -> Ticket | None:
        """Who may run now."""
        return self.line.next(self.running.values()) if self.waiting else None

    def would_run(self, ticket: Ticket) -> bool:
        """Whether a newcomer would run at once."""
        return self.line.would_run(ticket, self.running.values())

    def run(self, ticket: Ticket, now: float) -> None:
        """Hands a waiting ticket to the process."""
        self.line.serve(ticket, now)
        request = ticket.request
        self.running[request.id] = ticket
        ticket.run(now)
        job = m.Job(
            id=request.id,
            op=request.op,
            params=request.params,
            input=request.input,
            path=request.path,
            device=request.device,
            inode=request.inode,
            size=request.size,
            credit=ticket.download,
            economy=self.economy,
            session=request.session,
            payload=request.payload,
        )
        self._send(job)
        if ticket.place is not None:  # who never waited hears of it by the answer: a message and a wake-up less
            ticket.place = None
            self.tell(ticket, m.Accepted(id=request.id, state="running"))
        self.line.sort(now)

    def usual_s(self, ticket: Ticket) -> float:
        """How long jobs of its kind take, 0 as long as none has ended."""
        return self._usual_s[ticket.session]

    def wait_ms(self, ticket: Ticket) -> int:
        """How long a newcomer would wait, from the measured times of jobs; at least a second."""
        before, places = self.line.ahead(ticket)
        return max(1000, int(sum(self.usual_s(t) for t in (*before, ticket)) / places * 1000))

    # --- ending --------------------------------------------------------------------------------------------------

    def finish(self, ticket: Ticket, message: m.Result | m.Error) -> None:
        """The one place where a ticket ends. The caller has taken it out of `waiting` or `running`."""
        assert not ticket.done
        if ticket.degraded and isinstance(message, m.Result):
            message = replace(message, data=message.data | {"degraded": True})
        self.tell(ticket, message)
        ticket.done = True
        self.ended.append(ticket)

    def fail(self, ticket: Ticket, code: str, message: str = "", retry_after_ms: int | None = None) -> None:
        error = HushdError(code, message or ENDINGS[code], retry_after_ms)
        self.finish(ticket, m.Error.of(ticket.request.id, error))

    def fail_waiting(self, code: str, message: str, retry_after_ms: int | None = None) -> None:
        waiting = self.waiting.copy()
        self.waiting.clear()
        for ticket in waiting:
            self.fail(ticket, code, message, retry_after_ms)

    def cancel(self, ticket: Ticket, now: float, code: str) -> None:
        """Ends a waiting ticket with `code` at once, asks the engine to end a running one."""
        if ticket.done or ticket.cancelled_at is not None:
            return
        if ticket in self.waiting:
            self.waiting.remove(ticket)
            self.fail(ticket, code)
        else:
            ticket.cancelled_at = now
            ticket.ending = code
            self._send(m.Cancel(id=ticket.request.id))

    # --- passing on ----------------------------------------------------------------------------------------------

    def input(self, ticket: Ticket, chunk: m.Chunk, now: float) -> None:
        """A chunk of input from the client, refused unless the worker asked for it and it is the next one."""
        if ticket.cancelled_at is not None:
            return
        if not ticket.take_input(chunk, now):
            self.cancel(ticket, now, "protocol_error")
        else:
            self._send(chunk)

    def grant(self, ticket: Ticket, chunks: int, now: float) -> None:
        """The client can take `chunks` more of output."""
        if not ticket.grant(chunks, now):
            self.cancel(ticket, now, "protocol_error")
        elif self.running.get(ticket.request.id) is ticket:
            self._send(m.Credit(id=ticket.request.id, chunks=chunks))

    def hear(self, ticket: Ticket, message: m.Message, now: float) -> bool:
        """A message of the process about a running ticket. False when it breaks the rules of credit."""
        ticket.touched = now
        match message:
            case m.Chunk():
                if not ticket.take_output(now):
                    return False
                self.tell(ticket, message)
            case m.Partial():
                ticket.output = True
                self.tell(ticket, message)
            case m.Progress():
                ticket.audio = message.total
                self.tell(ticket, message)
            case m.Credit():
                ticket.upload += message.chunks
                if ticket.upload > MAX_CREDIT:
                    return False
                self.tell(ticket, message)
            case m.Result():
                self._end_run(ticket, message, now)
            case m.Error():
                error = HushdError(ticket.ending, ENDINGS[ticket.ending]) if ticket.ending else message.exception()
                self._end_run(ticket, m.Error.of(message.id, error), now)
        return True

    def tell_place(self, ticket: Ticket, state: str) -> None:
        """Tells a client that its request waits, for a worker that is `starting` or a place in the queue."""
        ticket.place = self.line.place(ticket)
        self.tell(ticket, m.Accepted(id=ticket.request.id, state=state, position=ticket.place))

    def tell(self, ticket: Ticket, message: m.Message) -> None:
        """Sends to the ticket's client, while it is there."""
        if not ticket.gone:
            self._out.append(ToClient(ticket.route, message))

    # --- time ----------------------------------------------------------------------------------------------------

    def waiting_deadline(self) -> float:
        """When somebody has waited too long, `math.inf` for never."""
        return min((t.deadline for t in self.waiting), default=math.inf)

    def running_deadline(self, stall_limit: float) -> float:
        """When something must be done about what runs, `math.inf` for never."""
        return min((t.next_deadline(stall_limit) for t in self.running.values()), default=math.inf)

    def expire_waiting(self, now: float) -> bool:
        """Ends what has waited beyond its deadline, and says whether anything has."""
        late = [ticket for ticket in self.waiting if ticket.deadline <= now]
        for ticket in late:
            self.cancel(ticket, now, "deadline_exceeded")
        return bool(late)

    def expire_running(self, now: float) -> None:
        """Asks the engine to end what has run beyond its deadline, or for a client that does not read."""
        for ticket in self.running.values():
            if ticket.deadline <= now:
                self.cancel(ticket, now, "deadline_exceeded")
            elif ticket.starves(now):
                self.cancel(ticket, now, "slow_consumer")

    def cancel_ignored(self, now: float) -> bool:
        """Whether a job goes on although it was cancelled long enough ago."""
        return any(t.cancel_ignored(now) for t in self.running.values())

    def stalled(self, now: float, limit: float) -> bool:
        """Whether a job has shown no life for longer than its limit."""
        return any(t.stalls_at(limit) <= now for t in self.running.values())

    def excuse(self, late: float) -> None:
        """So much time does not count against what runs; its deadlines are the clients' and stay."""
        for ticket in self.running.values():
            ticket.touched += late
            if ticket.cancelled_at is not None:
                ticket.cancelled_at += late
            if ticket.starved_since is not None:
                ticket.starved_since += late

    # --- the process is gone -------------------------------------------------------------------------------------

    def lose(self) -> list[Ticket]:
        """What ran on a process that has ended; each must be repeated or failed by the caller."""
        lost = list(self.running.values())
        self.running.clear()
        return lost

    def repeat_or_fail(self, ticket: Ticket, now: float, repeat: bool, message: str, detail: dict[str, str]) -> None:
        """Ends a lost ticket, or puts it back in its place if another process may try and nothing was sent yet."""
        if ticket.ending:
            self.fail(ticket, ticket.ending)
        elif repeat and ticket.repeatable and now < ticket.deadline:
            ticket.alone = (ticket.alone or bool(ticket.killed)) and not ticket.session
            self.wait(ticket, now)
            self.tell_place(ticket, "starting")
        else:
            error = HushdError("worker_crashed", message, detail=dict(detail))
            self.finish(ticket, m.Error.of(ticket.request.id, error))

    # --- inside --------------------------------------------------------------------------------------------------

    def _end_run(self, ticket: Ticket, message: m.Result | m.Error, now: float) -> None:
        del self.running[ticket.request.id]
        took, usual = now - ticket.started, self.usual_s(ticket)
        self._usual_s[ticket.session] = 0.8 * usual + 0.2 * took if usual else took
        self.completed += 1
        self.finish(ticket, message)

    def _tell_queued(self, ticket: Ticket) -> None:
        self.tell(ticket, m.Accepted(id=ticket.request.id, state="queued", position=ticket.place or 0))

    def _send(self, message: m.Message) -> None:
        self._out.append(ToWorker(self._worker, self.gen, message))
