"""The one thread of the supervisor: passes events to the pool, and carries out its actions.

All that has to do with the system is in the sources (`source`), of which the loop knows only what each of them may be
asked. A turn does, in this order: what is due at the sources; what has arrived, source after source (signals, messages
of workers, exits, answers of children, messages of clients, the door: `assembly` has the list); timers of the pool; and
one action that costs (`core.backlog`). After 64 messages of one socket, or 5 ms of clients' messages, all others have
their turn. Timers are judged when all that came before they were due was read: nobody is blamed for what lies unread
here. Where memory is short each of these calls may fail, which costs no more than `reserve` says.
With nothing due the loop sleeps without a timeout.
"""

from __future__ import annotations

import math
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol, TypeVar, get_args

import zmq
from hushd_protocol.buggify import buggify
from hushd_protocol.messages import Control, WorkerHello
from hushd_protocol.system.own_modules import Replaced

from hushd_supervisor.core.actions import Action, Dismiss, Kill, Leave, Log, ToClient
from hushd_supervisor.core.backlog import Backlog, Costly
from hushd_supervisor.core.events import Event, Exited, FromClient, FromWorker, Shutdown, SpawnFailed
from hushd_supervisor.core.holders import Holder

from .reserve import AGAIN_S, BROKEN, Reserve, failure, refused
from .source import Outcome, Perform, Source, having

READ_TURNS, READ_S = 16, 0.25  # of reading before timers are judged although more arrives all the time
_COSTLY = get_args(Costly)

T = TypeVar("T")


class Core(Protocol):
    """The part that decides: `pool.Pool`, or a script in its place."""

    def handle(self, event: Event, now: float) -> list[Action]: ...
    def on_time(self, now: float) -> list[Action]: ...
    def deadline(self) -> float | None: ...


class Loop:
    """Runs until the pool returns `Leave`.

    Args:
        poller: the one with which the sources watch their descriptors.
        sources: all that has to do with the system, in the order in which it has its turn.
        record: writes to the supervisor's log (level, text).
        cores: of the processor.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        pool: Core,
        poller: zmq.Poller,
        sources: Sequence[Source],
        record: Callable[[str, str], None],
        cores: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._poller = poller
        self._sources = [*sources]
        self._record = record
        self._clock = clock
        self._performers: dict[type[Action], Perform] = {Log: self._log, Leave: self._leave}
        for source in sources:
            self._meet(source)
        self._due = having(sources, "on_time")
        self._waiting = having(sources, "deadline")
        self._reading = having(sources, "events")
        self._looking = having(sources, "look")
        self._others = having(sources, "unread")
        self._ending = having(sources, "finish")
        self._leaves = self._done = self._makes_way = False
        self.holders: tuple[Holder, ...] = ()  # of the floor, whom the next supervisor is told about
        self._backlog = Backlog(cores)
        self._reading_since = math.inf  # since when timers wait for messages to be read,
        self._read_turns = 0  # and for how many turns
        self._reserve = Reserve(record)
        self._cramped = False  # there is no room for decisions
        self._untold: deque[Event] = deque()  # that the pool could not take, because there was no memory

    def run(self) -> None:
        """Returns when everything is done; then the caller closes the sources."""
        while not self._done:
            try:
                self._turn()
            except MemoryError:
                self._reserve.spend()
            except Replaced:
                self._make_way()

    def _meet(self, source: Source) -> None:
        source.register(self._poller)
        self._performers |= source.actions()

    def add(self, source: Source) -> None:
        """Tends one more source from now on, after the others."""
        self._meet(source)
        self._sources.append(source)
        parts = ("on_time", self._due), ("deadline", self._waiting), ("events", self._reading)
        for method, asked in (*parts, ("look", self._looking), ("unread", self._others), ("finish", self._ending)):
            asked += having([source], method)

    def _make_way(self) -> None:
        """Leaves, once what runs is finished: a turn has come to a module of which only another version is there."""
        if not self._makes_way:  # a second signal would end what runs
            self._makes_way = True
            self._record("warning", "hushd was updated: leaving")
            signal.raise_signal(signal.SIGTERM)

    def close(self) -> None:
        """Refuses the messages that are still unread, and delivers the last answers."""
        self._announce(stop=True)
        for source in self._sources:
            self._spared(source.close)

    def _turn(self) -> None:
        now = self._clock()
        for source in self._due:
            self._read(source.on_time(now))
        ready = dict(self._poller.poll(0 if buggify("loop wakes for nothing") else self._timeout_ms(now)))
        self._look_for_room()
        for source in self._reading:
            self._read(source.events(ready, self._clock()))
        if self._may_judge(now):
            self._handle(self._carry_out(self._decided(partial(self._pool.on_time, now))))
        if not buggify("costly action waits") and (action := self._backlog.take(self._clock())):
            self._handle(self._answered(self._perform(action)))
        self._done = self._leaves and not [source for source in self._ending if not source.finish(self._clock())]

    # --- memory ------------------------------------------------------------------------------------------------------

    def _look_for_room(self) -> None:
        """Sees whether the pool can decide in this turn; then it is told what it could not take before."""
        self._reserve.hold()
        self._cramped = not self._reserve.makes_room()
        if self._untold and not self._cramped:
            untold, self._untold = self._untold, deque()
            self._handle(untold)

    def _read(self, events: Iterable[Event]) -> None:
        """Handles events as they are read; where reading fails, the rest is read in the next turn."""
        try:
            self._handle(events)
        except MemoryError:
            self._reserve.spend()

    def _spared(self, act: Callable[[], T]) -> T:
        """Calls `act`, and once more with the reserve given up, where there is no memory for it."""
        try:
            return act()
        except MemoryError:
            self._reserve.spend()
            return act()

    def _perform(self, action: Action) -> Iterable[Outcome]:
        """Carries out an action; where there is no memory for that, it has failed.

        It is tried again: who carries it out raises only where it has not begun, or is undone.
        """
        try:
            return _whole(self._performers[type(action)](action))
        except MemoryError:
            self._reserve.spend()
        try:
            return _whole(self._performers[type(action)](action))
        except MemoryError:
            if isinstance(action, Kill | Dismiss):
                self._backlog.add(action)
            failed = failure(action)
            return () if failed is None else (failed,)

    def _decide(self, event: Event) -> list[Action]:
        """Has the pool decide; that for which there is no room is refused, or told to it in a moment."""
        if not self._cramped:
            return self._decided(partial(self._pool.handle, event, self._clock()))
        if answer := refused(event):
            return [answer]
        self._untold.append(event)
        return []

    def _decided(self, decide: Callable[[], list[Action]]) -> list[Action]:
        """Calls the pool. Raises HushdError where there was no memory for all of it, which cannot be taken back."""
        try:
            return decide()
        except MemoryError as error:
            raise BROKEN from error

    # --- the times ---------------------------------------------------------------------------------------------------

    def _timeout_ms(self, now: float) -> int | None:
        if self._cramped:
            return math.ceil(AGAIN_S * 1000)
        deadlines = [due for source in self._waiting if (due := source.deadline()) is not None]
        if (due := self._pool.deadline()) is not None:
            deadlines.append(due)
        if (chore := self._backlog.deadline(now)) < math.inf:
            deadlines.append(chore)
        if not deadlines:
            return None
        # Rounded up, or the loop would spin through the last millisecond. A day is as good as ever.
        return math.ceil(min(86400.0, max(0.0, min(deadlines) - now)) * 1000)

    def _may_judge(self, now: float) -> bool:
        """Returns whether timers are due at `now`, and all that came by then is read, or too much comes for that."""
        due = self._pool.deadline()
        if due is None or due > now or self._cramped:
            self._reading_since = math.inf
            return False
        if self._reading_since == math.inf:
            self._reading_since, self._read_turns = now, 0
        self._read_turns += 1
        patient = self._read_turns < READ_TURNS or now < self._reading_since + READ_S
        if patient and (buggify("timers wait") or any(source.unread() for source in self._others)):
            return False
        self._reading_since = math.inf
        return True

    # --- events and actions ------------------------------------------------------------------------------------------

    def _handle(self, events: Iterable[Event]) -> None:
        """Passes each event to the pool, and then what failed of the actions that came back."""
        for event in events:
            failures = deque([event])
            while failures:
                event = failures.popleft()
                self._see_end(event)
                failures += self._carry_out(self._decide(event))
                self._note(event)
                for source in self._looking:
                    try:
                        source.look(event, self._clock())
                    except MemoryError:
                        self._spared(partial(source.look, event, self._clock()))
                    except Replaced:
                        self._make_way()

    def _carry_out(self, actions: Iterable[Action]) -> list[Event]:
        """Carries out `actions` in order, those that cost later; returns the events that follow from it."""
        events: list[Event] = []
        for action in actions:
            if not isinstance(action, _COSTLY):
                events += self._answered(self._perform(action))
            elif event := self._backlog.add(action):
                events.append(event)
        return events

    def _answered(self, outcomes: Iterable[Outcome]) -> list[Event]:
        """Sends the answers among `outcomes`; returns the events, with those of answers that could not be sent."""
        events: list[Event] = []
        for outcome in outcomes:
            if isinstance(outcome, ToClient):
                events += self._carry_out([outcome])
            else:
                events.append(outcome)
        return events

    def _note(self, event: Event) -> None:
        """Notes that a process has begun or ended, so that the next one may start."""
        match event:
            case FromWorker(worker, gen, WorkerHello()) | Exited(worker, gen) | SpawnFailed(worker, gen):
                self._backlog.grown(worker, gen)

    def _see_end(self, event: Event) -> None:
        """Has all sources know when `event` is the beginning of the end."""
        match event:
            case Shutdown(renew=True) | FromClient(_, Control(action="restart")):
                self._announce(stop=False)  # new requests are kept until the next supervisor takes them
            case Shutdown() | FromClient(_, Control(action="shutdown")):
                self._announce(stop=True)

    def _announce(self, *, stop: bool) -> None:
        """Says that we leave. With `stop` clients that come now start the next supervisor, which waits for our lock."""
        for source in self._sources:
            self._spared(partial(source.leave, stop=stop))

    def _log(self, action: Log) -> Iterable[Outcome]:
        self._record(action.level, action.text)
        return ()

    def _leave(self, action: Leave) -> Iterable[Outcome]:
        self.holders = action.holders
        for left in self._backlog.rest():
            self._perform(left)  # nobody is left who would want to know what comes of it
        self._announce(stop=True)
        self._leaves = True
        return ()


def _whole(outcomes: Iterable[Outcome]) -> Iterable[Outcome]:
    """All outcomes of an action that is done then; those in a tuple take no memory."""
    return outcomes if isinstance(outcomes, tuple) else list(outcomes)
