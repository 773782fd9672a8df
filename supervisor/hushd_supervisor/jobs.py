"""The requests of one worker: those that wait, in their order, and those that run on its process.

`Jobs` keeps the accounts of every ticket and passes its messages on in both directions; when the process starts and
ends is the brain's affair. Every ticket ends in `finish`, exactly once.
"""

from __future__ import annotations

import math
from dataclasses import replace

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_CREDIT

from .actions import Action, ToClient, ToWorker
from .ticket import Ticket

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
        waiting: tickets in the order of `line_up`.
        running: tickets by request id, at most the worker's slots.
        ended: tickets finished since the pool last looked.
        gen: the process that `running` runs on.
        completed: how many jobs have ended on a worker.
        economy: memory is short: jobs are asked to do with less.
        service_s: moving average of the time of a job.
    """

    def __init__(self, worker: str, out: list[Action]) -> None:
        self._worker = worker
        self._out = out
        self.gen = 0
        self.waiting: list[Ticket] = []
        self.running: dict[bytes, Ticket] = {}
        self.ended: list[Ticket] = []
        self.completed = 0
        self.service_s = 0.0
        self._served: dict[bytes, float] = {}  # when a job of each client was last handed out
        self.economy = False

    # --- waiting and starting ------------------------------------------------------------------------------------

    def wait(self, ticket: Ticket, now: float) -> None:
        """Puts `ticket` among those that wait, and tells everybody there whose place has changed."""
        self.waiting.append(ticket)
        self.line_up(now)

    def line_up(self, now: float) -> None:
        """Sorts who waits, and tells whose place has changed.

        By priority, a level higher for each AGING_S of waiting, so that nobody starves. Then in rounds: the first
        request of each client, then each one's second, so that one who asks for much delays nobody else's first. Then
        whose client was served longest ago, then by arrival.
        """
        if not self.waiting:
            return
        rounds: dict[bytes, int] = {}
        keys: dict[Ticket, tuple[float, int, float, int]] = {}
        for ticket in sorted(self.waiting, key=lambda t: (t.level(now), t.order)):
            nth = rounds[ticket.route] = rounds.get(ticket.route, -1) + 1
            keys[ticket] = (ticket.level(now), nth, self._served.get(ticket.route, -math.inf), ticket.order)
        self.waiting.sort(key=keys.__getitem__)
        for place, ticket in enumerate(self.waiting):
            if ticket.place is not None and ticket.place != place:
                ticket.place = place
                self.tell(ticket, m.Accepted(id=ticket.request.id, state="queued", position=place))

    def next(self, slots: int) -> Ticket | None:
        """Who may run now. A suspect runs alone; two clients' requests of one id run after each other."""
        if not self.waiting or len(self.running) >= slots:
            return None
        first = self.waiting[0]
        suspects = first.alone or any(t.alone for t in self.running.values())
        if (suspects and self.running) or first.request.id in self.running:
            return None
        return first

    def run(self, ticket: Ticket, now: float) -> None:
        """Hands a waiting ticket to the process."""
        self.waiting.remove(ticket)
        request = ticket.request
        self.running[request.id] = ticket
        ticket.run(now)
        self._served[ticket.route] = now
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
            payload=request.payload,
        )
        self._send(job)
        if ticket.place is not None:  # who never waited hears of it by the answer: a message and a wake-up less
            ticket.place = None
            self.tell(ticket, m.Accepted(id=request.id, state="running"))
        self.line_up(now)

    def wait_ms(self, slots: int) -> int:
        """How long a newcomer would wait, from the measured time of a job; at least a second."""
        return max(1000, int((len(self.waiting) + 1) * self.service_s / slots * 1000))

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
        waiting, self.waiting = self.waiting, []
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
        ticket.place = self.waiting.index(ticket)
        self.tell(ticket, m.Accepted(id=ticket.request.id, state=state, position=ticket.place))

    def forget(self, route: bytes) -> None:
        """A client is gone: what it was served interests nobody any more."""
        self._served.pop(route, None)

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

    def expire_waiting(self, now: float) -> None:
        """Ends what has waited beyond its deadline."""
        for ticket in [t for t in self.waiting if t.deadline <= now]:
            self.cancel(ticket, now, "deadline_exceeded")

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
            ticket.alone = ticket.alone or ticket.crashes > 0
            self.wait(ticket, now)
            self.tell_place(ticket, "starting")
        else:
            error = HushdError("worker_crashed", message, detail=dict(detail))
            self.finish(ticket, m.Error.of(ticket.request.id, error))

    # --- inside --------------------------------------------------------------------------------------------------

    def _end_run(self, ticket: Ticket, message: m.Result | m.Error, now: float) -> None:
        del self.running[ticket.request.id]
        took = now - ticket.started
        self.service_s = took if self.completed == 0 else 0.8 * self.service_s + 0.2 * took
        self.completed += 1
        self.finish(ticket, message)

    def _send(self, message: m.Message) -> None:
        self._out.append(ToWorker(self._worker, self.gen, message))
