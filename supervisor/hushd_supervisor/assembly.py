"""The parts of a supervisor: made in the order in which they need each other, and listed in that of their turns."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import zmq
from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_CONNECTIONS, PROTOCOL
from hushd_protocol.messages import Welcome
from hushd_protocol.system import best_effort
from hushd_protocol.system.cgroup import Cgroup
from hushd_protocol.system.footprint import cores
from hushd_protocol.system.paths import Paths
from hushd_schema.settings import Settings

from .arguments import Options
from .core.events import Event, Shutdown
from .core.pool import Pool
from .system.children import Children
from .system.configuration import Configuration
from .system.describe import Descriptions, default_model
from .system.door import Door
from .system.expected import ExpectedRequests
from .system.log import Log, Logged
from .system.loop import Loop
from .system.memory import cards, measure
from .system.memory.history import History
from .system.memory.needs import Estimate, Needs
from .system.orphans import Orphans, owner
from .system.pause_file import PauseFile
from .system.process import Limits, open_files
from .system.relief import ReliefProgram
from .system.signals import FOLDER, LEAVE, RELOAD, Signals
from .system.sockets.client_socket import ClientSocket
from .system.sockets.lock import ListeningSocket, SocketWatch
from .system.sockets.worker_socket import WorkerSocket
from .system.source import Source
from .system.status import Reporter

if TYPE_CHECKING:
    from .system.sd_notify import ServiceManager


@dataclass(frozen=True, slots=True)
class Start:
    """The circumstances in which the supervisor was started.

    Attributes:
        inherited: the clients' socket of a service manager that has started us; None where there is none.
        passed: its other sockets, by name.
        manager: where to report to it.
    """

    options: Options
    paths: Paths
    inherited: int | None = None
    passed: tuple[tuple[str, int], ...] = ()
    manager: ServiceManager | None = None

    @property
    def unattended(self) -> bool:
        """True if no person has started us: errors are in the log, and we leave when nobody needs us."""
        return self.options.auto or self.inherited is not None


class Assembly:
    """All parts of one supervisor.
    Raises HushdError if a socket cannot be made, or an address cannot be used and a person is there to be told."""

    def __init__(self, start: Start, settings: Settings, read: Callable[[], Settings]) -> None:
        paths = start.paths
        self._start, self._read = start, read
        self._log = Log(settings, paths.supervisor_log if start.unattended else None)
        self.record = self._log.write
        best_effort.report_to(functools.partial(self.record, "warning"))
        self._children = Children(zmq.Poller(), Limits().launch)
        self._settings = settings
        self._door = Door(self._children, paths, self.record, start.passed)
        self._open("HTTP and Wyoming", self._door.configure)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        was_killed = paths.worker_socket.exists()  # the predecessor, who removes it as it leaves
        worker_listener = ListeningSocket(paths.worker_socket)
        self._listener = ListeningSocket(paths.client_socket, start.inherited)
        self.signals = Signals()
        if start.options.serve:  # whoever reads the line and presses Ctrl-C is let go in order
            self._door.invite()
        self._cgroup, self._needs, self.history = Cgroup.own(), Needs(paths.needs), History()
        self._estimate, self._pause = Estimate(paths.models), PauseFile(paths.paused)
        memory, processors = measure.MachineMemory(self._cgroup), cores()
        self._pool = Pool(
            settings,
            version=__version__,
            pid=os.getpid(),
            auto=start.unattended,
            memory=memory,
            needs=self._needs.load(memory().total),
            cores=processors,
            has_cards=cards.there,
            estimate=self._estimate,
            card_kinds=cards.kinds,
            default_model=default_model,
            paused=self._pause.exists(),
            most_clients=min(MAX_CONNECTIONS, open_files() // 3),
        )
        self._logged = Logged(self._pool, self.record)
        self._clients = ClientSocket(self._context, self._listener)
        mark = owner(paths.runtime)
        self._workers = self._make_workers(worker_listener, mark)
        self._orphans = Orphans(mark, self._children, self._workers.marks, self.record, was_killed)
        self.loop = Loop(self._logged, self._children.poller, self._sources(), self.record)
        self._listener.watch()

    def _open(self, visitors: str, configure: Callable[[Settings], None]) -> None:
        """Opens a door to `visitors`, if the configuration says so."""
        try:
            configure(self._settings)
        except HushdError as error:
            if not self._start.unattended:
                raise
            self.record("error", f"not listening for {visitors}: {error}")  # our own clients need us all the same

    def _make_workers(self, listener: ListeningSocket, owner: str) -> WorkerSocket:
        return WorkerSocket(
            self._context,
            listener,
            self._children,
            self._start.paths,
            self._settings,
            Welcome(protocol=PROTOCOL, version=__version__, pid=os.getpid()),
            self.record,
            owner=owner,
            oom_kills=functools.partial(measure.oom_kills, self._cgroup),
            elsewhere=self._estimate.elsewhere,
        )

    def _sources(self) -> list[Source]:
        """All parts, in the order of their turns: who has died is known before others ask for what it did."""
        logs, manager = self._start.paths.logs, self._start.manager
        reporter = Reporter(self._pool.fleet, self._workers, self._door, ended=self._logged.ended)
        followers = (self._door, self._workers, self._log)
        configuration = Configuration(self._settings, self._read, followers, self.record, manager)
        watch = SocketWatch((self._listener, self._workers.listener), self.record)
        self._hear(configuration, watch)
        return [
            self.history,
            self.signals,
            self._workers,
            self._orphans,
            Descriptions(self._children, logs),
            cards.CardProbes(self._children, logs),
            self._clients,
            self._door,
            *((manager,) if manager else ()),
            watch,
            reporter,
            configuration,
            self._needs,
            self._pause,
            ExpectedRequests(self._start.paths.expected),
            ReliefProgram(self._children, logs / "when-short.log", self.record),
        ]

    def _hear(self, configuration: Configuration, watch: SocketWatch) -> None:
        """Says what follows from each signal."""
        self.signals.on(FOLDER, watch.check)
        self.signals.on(signal.SIGCHLD, self._orphans.hear)
        in_terminal = sys.stderr.isatty()
        for number in (*LEAVE, *((RELOAD,) if in_terminal else ())):  # SIGHUP: that the terminal is gone
            self.signals.on(number, self._asked_to_leave)
        if not in_terminal:
            self.signals.on(RELOAD, configuration.reload)

    def _asked_to_leave(self, _: float) -> Iterable[Event]:
        self.record("info", "asked to leave by a signal")
        return (Shutdown(renew=self._listener.lasting),)

    def close(self) -> None:
        """Ends all parts; messages already sent are delivered."""
        self.loop.close()
        self._context.term()
