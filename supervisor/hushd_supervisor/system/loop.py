"""The supervisor's one thread: passes events to the pool and carries out its actions.

Everything that touches the system is in the sources (`source`); the loop only knows their interface. Each turn handles,
in this order: the sources' expired deadlines; what has arrived, source by source (signals, workers' messages, exits,
answers of children, clients' messages, the door: `assembly` has the list); and the pool's timers. After 64 messages of
one socket, or 5 ms of clients' messages, the other sources have their turn. Timers are judged once everything that
arrived before they were due has been read: no peer is blamed for a message that lies unread here.
With nothing due the loop sleeps without a timeout.

The system may refuse a descriptor, a process or memory at any time. An action that fails so comes back as its failure
(`core.failures`), and a source that fails so has its turn again: nobody else's work ends.
"""

from __future__ import annotations

import math
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import zmq
from hushd_protocol import buggify
from hushd_protocol.errors import reason
from hushd_protocol.system.own_modules import Replaced

from hushd_supervisor.core import failures
from hushd_supervisor.core.actions import Action, Leave, Log, PrepareEnd, ToClient
from hushd_supervisor.core.events import Event

from .source import REFUSALS, Clock, Outcome, Perform, Source, WriteLog, overriding

READ_TURNS, READ_S = 16, 0.25  # turns and time after which timers are judged even though more keeps arriving


class Core(Protocol):
    """Makes the decisions: `pool.Pool`, or a test's script in its place."""

    def handle(self, event: Event, now: float) -> list[Action]: ...
    def on_time(self, now: float) -> list[Action]: ...
    def deadline(self) -> float | None: ...


class Loop:
    """Runs until the pool returns `Leave`; gives `sources` their turns in their order."""

    def __init__(
        self, pool: Core, poller: zmq.Poller, sources: Sequence[Source], record: WriteLog, clock: Clock = time.monotonic
    ) -> None:
        self._pool = pool
        self._poller = poller
        self._sources = [*sources]
        self._record = record
        self._clock = clock
        self._performers: dict[type[Action], Perform] = {
            Log: self._log,
            PrepareEnd: self._prepare_end,
            Leave: self._end,
        }
        for source in sources:
            source.register(poller)
            self._performers |= source.actions()
        self._with_on_time = overriding(sources, "on_time")
        self._with_deadline = overriding(sources, "deadline")
        self._with_events = overriding(sources, "events")
        self._observers = overriding(sources, "observe")
        self._with_unread = overriding(sources, "unread")
        self._with_finish = overriding(sources, "finish")
        self._leaves = self._done = self._makes_way = False
        self._refused = ""  # the last refusal that is in the log
        self._reading_since = math.inf  # time since which timers have waited for messages to be read,
        self._read_turns = 0  # turns in which messages were read

    def run(self) -> None:
        """Runs turns until everything is done; the caller closes the sources afterwards."""
        while not self._done:
            try:
                self._turn()
            except Replaced:
                self._make_way()

    def _make_way(self) -> None:
        """Leaves once the running jobs are finished, since a module to import now has another version on disk."""
        if not self._makes_way:  # a second signal would kill the running jobs
            self._makes_way = True
            self._record("warning", "hushd was updated: leaving")
            signal.raise_signal(signal.SIGTERM)

    def close(self) -> None:
        """Refuses the remaining unread messages, and delivers the last answers."""
        for source in self._sources:
            source.close()

    def _turn(self) -> None:
        now = self._clock()
        for source in self._with_on_time:
            self._handle(self._spared(source.on_time, now))
        ready = dict(self._poller.poll(0 if buggify("loop wakes for nothing") else self._timeout_ms(now)))
        for source in self._with_events:
            self._handle(self._spared(source.events, ready, self._clock()))
        if self._may_judge(now):
            self._handle(self._carry_out(self._pool.on_time(now)))
        self._done = self._leaves and not [source for source in self._with_finish if not source.finish(self._clock())]

    # --- the times ---------------------------------------------------------------------------------------------------

    def _timeout_ms(self, now: float) -> int | None:
        deadlines = [due for source in self._with_deadline if (due := source.deadline()) is not None]
        if (due := self._pool.deadline()) is not None:
            deadlines.append(due)
        if not deadlines:
            return None
        # Rounded up, or the loop would spin through the last millisecond; a day at most, which poll() can take.
        return math.ceil(min(86400.0, max(0.0, min(deadlines) - now)) * 1000)

    def _may_judge(self, now: float) -> bool:
        """Returns whether timers are due at `now` and everything is read, or has been arriving for too long."""
        due = self._pool.deadline()
        if due is None or due > now:
            self._reading_since = math.inf
            return False
        if self._reading_since == math.inf:
            self._reading_since, self._read_turns = now, 0
        self._read_turns += 1
        patient = self._read_turns < READ_TURNS or now < self._reading_since + READ_S
        if patient and (buggify("timers wait") or any(source.unread() for source in self._with_unread)):
            return False
        self._reading_since = math.inf
        return True

    # --- events and actions ------------------------------------------------------------------------------------------

    def _spared(self, turn: Callable[..., Iterable[Event]], *arguments: object) -> Iterator[Event]:
        """Yields the events of a source's turn, until the system refuses it something."""
        try:
            yield from turn(*arguments)
        except REFUSALS as error:
            self._note(error)

    def _note(self, error: BaseException) -> None:
        """Writes a refusal to the log, unless the last one was the same."""
        if (why := reason(error)) != self._refused:
            self._refused = why
            self._record("error", f"the system refuses what the supervisor needs: {why}")

    def _handle(self, events: Iterable[Event]) -> None:
        """Passes each event to the pool, and then the events that its actions cause."""
        for event in events:
            pending = deque([event])
            while pending:
                event = pending.popleft()
                pending += self._carry_out(self._pool.handle(event, self._clock()))
                for source in self._observers:
                    try:
                        source.observe(event, self._clock())
                    except Replaced:
                        self._make_way()
                    except REFUSALS as error:
                        self._note(error)

    def _carry_out(self, actions: Iterable[Action]) -> list[Event]:
        """Carries out `actions` in order, and sends the answers; returns the events that follow."""
        events: list[Event] = []
        for action in actions:
            outcomes: Iterable[Outcome]
            try:
                outcomes = list(self._performers[type(action)](action) or ())
            except REFUSALS as error:
                self._note(error)
                outcomes = failures.of(action, error)
            for outcome in outcomes:
                events += self._carry_out([outcome]) if isinstance(outcome, ToClient) else [outcome]
        return events

    def _prepare_end(self, action: PrepareEnd) -> None:
        """Tells all sources that we leave. With `stop`, new clients start the next one, which awaits our lock."""
        for source in self._sources:
            source.prepare_end(stop=action.stop)

    def _log(self, action: Log) -> None:
        self._record(action.level, action.text)

    def _end(self, _: Leave) -> None:
        self._leaves = True
