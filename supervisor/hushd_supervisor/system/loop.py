"""The one thread of the supervisor: passes events to the pool, and carries out its actions.

A turn handles, in this order: timers that are due, signals, messages of workers, exits, and messages of clients. After
64 messages of one socket, or 5 ms of clients' messages, all others have their turn. With nothing due the loop sleeps
without a timeout.
"""

from __future__ import annotations

import functools
import math
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import zmq
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Control, Error, Job, Message, Ready, Result

from hushd_supervisor.core.actions import (
    Action,
    CheckKeys,
    Configure,
    Describe,
    Dismiss,
    Kill,
    Leave,
    Log,
    Look,
    Prepare,
    Remember,
    ReportStatus,
    Spawn,
    ToClient,
    ToWorker,
)
from hushd_supervisor.core.events import (
    Configured,
    Event,
    Exited,
    FromClient,
    FromWorker,
    Seen,
    Shutdown,
    TemplateGone,
)
from hushd_supervisor.core.machines import machine
from hushd_supervisor.core.memory.admission import Standing
from hushd_supervisor.core.settings import Settings

from . import status
from .describe import Descriptions
from .doorkeeper import Doorkeeper
from .memory import measure
from .memory.cards import CardLooks
from .memory.heap import Heap
from .memory.history import History
from .memory.needs import Needs
from .memory.psi import Triggers
from .request_log import RequestLog
from .signals import BUSY, FOLDER, LEAVE, RELOAD, Signals
from .sockets.client_socket import ClientSocket
from .sockets.lock import ListeningSocket
from .sockets.worker_socket import WorkerSocket
from .standby import Templates

if TYPE_CHECKING:
    from .remote.remote import Remote
    from .sd_notify import ServiceManager
    from .sleep import SleepWatch

BATCH = 64  # messages of one socket in a turn
TURN_S = 0.005  # of one turn for the messages of clients, whatever each of them costs
COMPLAINT_S = 60.0  # from one line in the log about greedy clients to the next
LINGER_MS = 1000  # at the end, so that the last answers arrive


class Core(Protocol):
    """The part that decides: `pool.Pool`, or a script in its place."""

    def handle(self, event: Event, now: float) -> list[Action]: ...
    def on_time(self, now: float) -> list[Action]: ...
    def deadline(self) -> float | None: ...
    def rows(self, now: float) -> list[dict[str, Any]]: ...
    def standing(self, now: float) -> Standing: ...
    def on_cards(self) -> bool: ...
    def templates(self) -> list[dict[str, Any]]: ...


class Loop:
    """Runs until the pool returns `Leave`.

    Args:
        poller: the one with which `workers` and `catalogue` watch their children.
        triggers: report memory pressure; watched while a worker lives.
        needs: saves the memory that workers need.
        listener: the clients' socket in the file system; once the path is another's, the supervisor leaves.
        record: writes to the supervisor's log (level, text).
        clock: monotonic seconds.
        read_settings: reads the configuration again; raises HushdError.
        in_terminal: whether SIGHUP means that the terminal is gone, and not that the configuration should be read.
        manager: the service manager to report to, if there is one.
        heap: trims the memory that clients leave behind.
        doorkeeper: serves programs that speak HTTP or Wyoming, if the user wants that.
        history: records what the processes hold.
        requests: logs what clients ask for.
        cards: looks at the graphics cards.
        remote: serves other machines, if the user wants that.
        templates: the processes from which `workers` forks its own.
    """

    def __init__(
        self,
        pool: Core,
        poller: zmq.Poller,
        clients: ClientSocket,
        workers: WorkerSocket,
        catalogue: Descriptions,
        signals: Signals,
        triggers: Triggers,
        needs: Needs,
        listener: ListeningSocket,
        record: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
        read_settings: Callable[[], Settings] = Settings,
        in_terminal: bool = False,
        manager: ServiceManager | None = None,
        heap: Heap | None = None,
        doorkeeper: Doorkeeper | None = None,
        history: History | None = None,
        requests: RequestLog | None = None,
        cards: CardLooks | None = None,
        remote: Remote | None = None,
        templates: Templates | None = None,
    ) -> None:
        self._pool = pool
        self._clients = clients
        self._workers = workers
        self._catalogue = catalogue
        self._signals = signals
        self._triggers = triggers
        self._needs = needs
        self._listener = listener
        self._record = record
        self._clock = clock
        self._read_settings = read_settings
        self._in_terminal = in_terminal
        self._manager = manager
        self._heap = heap or Heap()
        self._doorkeeper = doorkeeper
        self._history = history
        self._requests = requests
        self._cards = cards
        self._remote = remote
        self._templates = templates
        self._sleep: SleepWatch | None = None  # once a worker was on a card
        self._started = clock()
        self._usages = status.Usages()
        if doorkeeper:
            doorkeeper.report = functools.partial(self._status, measure.resident_usage)
        self._leaving = False  # was asked to
        self._next_complaint = -math.inf
        self._suspicious = False  # a timer or a spawn: time for a look at our socket
        self._done = False
        self._poller = poller
        for source in (clients.socket, workers.socket, signals.fd):
            poller.register(source, zmq.POLLIN)
        for gate in (clients.gate, workers.gate):
            gate.watch(poller)

    def run(self) -> None:
        """Returns when everything is done; then the caller closes the sockets."""
        self._signals.watch_cpu(sys.platform == "linux")
        try:
            self._run()
        finally:
            self._signals.watch_cpu(False)

    def _run(self) -> None:
        while not self._done:
            now = self._clock()
            if self._doorkeeper:
                for news in self._doorkeeper.on_time(now, self._catalogue.ask):
                    self._handle(news)
            due = self._pool.deadline()
            if due is not None and due <= now:
                self._suspicious = True
                self._act(self._pool.on_time(now))
                due = self._pool.deadline()
            if self._manager:
                self._manager.on_time(now)
            self._heap.on_time(now)
            if self._suspicious:
                self._check_socket()
                continue
            ready = dict(self._poller.poll(self._timeout_ms(due, now)))
            if self._remote and (self._remote.connected or self._remote.has_news):
                for came in self._remote.events(ready, BATCH, TURN_S):
                    self._handle(came)
            if self._signals.fd in ready:
                self._take_signals(self._signals.read())
            for pressure in self._triggers.fired(ready):
                self._handle(pressure)
            if self._workers.socket in ready:
                for event in self._workers.receive(BATCH):
                    self._handle(event)
            for exited in self._workers.exits(ready, self._clock()):
                self._record("debug", f"{exited.worker} ended with status {exited.status}")
                self._handle(exited)
            if self._catalogue.busy:
                for described in self._catalogue.answers(ready, self._clock()):
                    self._handle(described)
            if self._cards and self._cards.busy:
                for seen in self._cards.answers(ready, self._clock()):
                    self._handle(seen)
            if self._templates and self._templates.busy:
                for news_of_template in self._templates.events(ready):
                    self._handle(news_of_template)
                    self._report_workers()
            if self._sleep:
                for sleep in self._sleep.events(ready):
                    self._handle(sleep)
                    self._report_workers()
            if self._clients.monitor in ready:
                for gone in self._clients.departures():
                    self._handle(gone)
                if self._clients.has_left:  # or one that never said hello
                    self._heap.client_left(self._clock())
            if self._workers.gate.monitor in ready:
                deque(self._workers.gate.changes(), maxlen=0)
            for gate in (self._clients.gate, self._workers.gate):
                gate.refuse(ready)
            if self._clients.socket in ready:
                for arrived in self._clients.receive(BATCH, TURN_S):
                    self._handle(arrived)
            if self._doorkeeper:
                self._doorkeeper.handle(ready)

    def close(self) -> None:
        """Refuses the messages that are still unread, and delivers the last answers."""
        self._stop_accepting()
        leaving = HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
        self._clients.refuse(leaving)
        if self._remote:
            self._remote.refuse(leaving)
        self._catalogue.close()
        if self._cards:
            self._cards.close()
        if self._sleep:
            self._sleep.close()
        if self._templates:
            self._templates.close()
        self._clients.close(LINGER_MS)
        if self._remote:
            self._remote.close(LINGER_MS)
        self._workers.close(LINGER_MS)
        if self._doorkeeper:
            self._doorkeeper.close()

    def _timeout_ms(self, due: float | None, now: float) -> int | None:
        if self._remote and self._remote.has_news:
            return 0
        signs = self._manager.deadline() if self._manager else None
        door = self._doorkeeper.deadline() if self._doorkeeper else None
        look = self._cards.deadline() if self._cards and self._cards.busy else None
        others = (
            signs,
            door,
            look,
            self._workers.deadline(),
            self._catalogue.deadline() if self._catalogue.busy else None,
            self._heap.deadline(),
        )
        deadlines = [d for d in (due, *others) if d is not None]
        if not deadlines:
            return None
        # Rounded up, or the loop would spin through the last millisecond. A day is as good as ever.
        return math.ceil(min(86400.0, max(0.0, min(deadlines) - now)) * 1000)

    def _take_signals(self, signals: set[int]) -> None:
        if BUSY in signals:
            self._bound_clients()
        if FOLDER in signals:
            self._check_socket()
            if self._remote:
                self._remote.check_keys()
        if not signals.isdisjoint(LEAVE) or (RELOAD in signals and self._in_terminal):
            self._record("info", "asked to leave by a signal")
            self._handle(Shutdown(renew=self._listener.lasting))
        elif RELOAD in signals:
            self._act([Configure(b"", b"")])

    def _bound_clients(self) -> None:
        """Ends the connections that send a message without an end, and the greediest while clients cost too much."""
        if not self._heap.grown():
            return
        now = self._clock()
        too_large = self._heap.too_large(now)
        ended = self._clients.end_endless()
        if too_large:
            ended += self._clients.end_greediest()
        if self._remote:
            ended += self._remote.end_bad(too_large)
        if ended and now >= self._next_complaint:
            self._next_complaint = now + COMPLAINT_S
            self._record("warning", "ended a client's connection for what it sends, or does not read")

    # --- events and actions ------------------------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        if self._requests:
            self._requests.look(event, self._clock())
        match event:
            case FromClient(route) if machine(route):
                pass  # another machine does not end this supervisor, as the pool answers
            case FromClient(route, Control(action="shutdown") as control) if self._listener.lasting:
                event = FromClient(route, replace(control, action="restart"))  # the manager will start the next one
                self._report_leaving()
            case Shutdown(renew=True) | FromClient(_, Control(action="restart")):
                self._report_leaving()  # the socket stays: new requests are kept until the next supervisor takes them
            case Shutdown() | FromClient(_, Control(action="shutdown")):
                self._stop_accepting()
        self._act(self._pool.handle(event, self._clock()))
        if self._doorkeeper:
            self._doorkeeper.look(event, self._clock())
        if self._history:
            self._history.look(event)
        match event:
            case FromWorker(worker, _, Ready(pss=size)):
                self._record("info", f"{worker} is ready, {size / 1e6:.0f} MB")
                self._report_workers()
                self._measure_templates()
            case Exited():
                self._report_workers()
                self._measure_templates()

    def _measure_templates(self) -> None:
        """Measures the templates again, since workers share their memory; reaps whom they have left behind."""
        if self._templates and self._templates.busy:
            self._templates.reap()
            for measured in self._templates.measured():
                self._handle(measured)

    def _act(self, actions: list[Action]) -> None:
        """Carries out `actions` in order; then the pool gets the failures, and so on."""
        failures: deque[Event] = deque()
        while True:
            for action in actions:
                if failure := self._do(action):
                    failures.append(failure)
            if not failures:
                return
            failure = failures.popleft()
            if self._requests:
                self._requests.look(failure, self._clock())
            actions = self._pool.handle(failure, self._clock())

    def _do(self, action: Action) -> Event | None:
        match action:
            case ToClient(route, message):
                if self._requests:
                    self._requests.sent(route, message, self._clock())
                return self._send(route, message)
            case ToWorker(worker, gen, message):
                if self._requests and isinstance(message, Job):
                    self._requests.handed(message, self._clock())
                return self._workers.send(worker, gen, message)
            case Spawn(worker, gen, compute_device, shown, why, template):
                self._suspicious = True
                failure = self._workers.spawn(worker, gen, compute_device, shown, why, template)
                if self._history and not failure:
                    self._history.started(worker)
                self._report_workers()
                return failure
            case Prepare(engine, gen):
                return self._prepare(engine, gen)
            case Dismiss(engine, gen):
                if self._templates:
                    self._templates.dismiss(engine, gen)
            case Kill(worker, gen):
                self._workers.kill(worker, gen)
            case ReportStatus(route, request, floor):
                return self._send(route, Result(id=request, data=self._status() | {"floor": floor}))
            case CheckKeys(route, request):
                machines = self._remote.check_keys() if self._remote else {}
                return self._send(route, Result(id=request, data={"machines": machines}))
            case Describe(role):
                return self._catalogue.ask(role, self._clock())
            case Look():
                return self._cards.begin(self._clock()) if self._cards else Seen()
            case Configure(route, request):
                return self._configure(route, request)
            case Remember(needs):
                self._needs.save(needs)
            case Log(level, text):
                self._record(level, text)
            case Leave():
                self._stop_accepting()
                self._done = True
        return None

    def _send(self, route: bytes, message: Message) -> Event | None:
        """Sends to a client, of this machine or another."""
        if self._remote and machine(route):
            return self._remote.send(route, message)
        return self._clients.send(route, message)

    def _status(self, usage_of: Callable[[int], status.Usage] | None = None) -> dict[str, Any]:
        """The answer to `status`; `usage_of` measures a process, in its own way or else in full."""
        now = self._clock()
        rows, standing, uptime = self._pool.rows(now), self._pool.standing(now), now - self._started
        door = self._doorkeeper.status() if self._doorkeeper else {}
        usage_of = usage_of or self._usages.at(now)
        templates = (
            status.templates(self._pool.templates(), self._templates.pids(), usage_of) if self._templates else []
        )
        report = status.report(rows, standing, self._workers.pids(), uptime, usage_of, door, templates)
        return report | (self._remote.status() if self._remote else {})

    def _configure(self, route: bytes, request: bytes) -> Event | None:
        """Reads the configuration; an error goes to the client that asked, and changes nothing."""
        answer: Result | Error = Result(id=request)
        settings = None
        if self._manager:
            self._manager.reload(begins=True)
        try:
            settings = self._read_settings()
            if self._doorkeeper:
                self._doorkeeper.configure(settings)
            self._workers.configure(settings)
            if self._remote:
                self._remote.configure(settings)
            if self._templates:
                self._templates.configure(settings)
        except HushdError as error:
            self._record("error", f"the configuration stays as it was: {error}")
            answer = Error.of(request, error)
        if self._manager:
            self._manager.reload(begins=False)
        if route:
            self._send(route, answer)  # the monitor reports one that is gone
        return Configured(settings) if settings else None

    def _stop_accepting(self) -> None:
        """Ends new connections: clients that come now start the next supervisor, which waits for our lock.

        A service manager's socket stays, and its queue is the next supervisor's once ours is closed.
        """
        self._report_leaving()
        self._listener.remove()
        if self._doorkeeper:
            self._doorkeeper.stop()

    def _report_leaving(self) -> None:
        if self._manager and not self._leaving:
            self._manager.leaving()
        if self._doorkeeper:
            self._doorkeeper.leave()
        self._leaving = True

    def _prepare(self, engine: str, gen: int) -> Event | None:
        if self._templates is None:
            return TemplateGone(engine, gen, "there are no templates here", final=True)
        failure = self._templates.prepare(engine, gen)
        self._report_workers()
        return failure

    def _report_workers(self) -> None:
        pids = self._workers.pids()
        self._triggers.watch(bool(pids) or bool(self._templates and self._templates.busy))
        on_cards = self._pool.on_cards()
        if on_cards and self._sleep is None and sys.platform == "linux":
            from .sleep import SleepWatch  # not where there is no card

            self._sleep = SleepWatch(self._poller, self._record)
        if self._sleep:
            self._sleep.watch(on_cards)
        if self._manager:
            self._manager.look(pids.values(), self._clock())

    def _check_socket(self) -> None:
        """Leaves when a socket was removed, at logout for example: no new client, or no worker, could connect."""
        self._suspicious = False
        if self._leaving:
            return
        for listener in (self._listener, self._workers.listener):
            if not listener.is_ours():
                self._record("warning", f"{listener.path} is no longer this supervisor's: leaving")
                self._handle(Shutdown(renew=self._listener.lasting))
                return
