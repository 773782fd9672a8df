"""A program that the first connection to its addresses starts, as inetd's "wait" and systemd's sockets do.

The loop polls the listening sockets, and the first connection starts a process, which inherits them and accepts, while
nobody looks at them here. A process without work stops accepting after a while, says so by a byte in the channel, a
pair of sockets, and leaves; the sockets are polled again. Whoever connects in between waits in a socket's backlog, for
the next process. The end of the channel asks a process to leave.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from hushd_protocol.errors import reason
from hushd_protocol.system import uploads

from .children import Children, Running
from .listeners import Listener
from .source import REFUSALS, WriteLog

PROVEN_LIFE_S = 10.0  # a process that lived this long had started well
RESTART_DELAY_S = 10.0  # seconds to wait after the second failed start in a row, and after each further one


@dataclass(slots=True, eq=False)
class Accepting:
    """A process of the program, until it was reaped."""

    child: Running
    started: float
    channel: socket.socket | None  # our end; None once it is closed
    listeners: Sequence[Listener]  # the sockets that it accepts from; none once it leaves
    dismissed: bool = False  # whether we have asked it to leave


@dataclass(slots=True, eq=False)
class OnDemand:
    """The processes of one program, mostly none or one, and its listeners.

    Attributes:
        leaving: whether no process is started any more.
        title: its name in the log, such as `the gateway`.
        listeners: the sockets whose connections are for it.
        processes: the living ones, the newest last.
        closed_until: the time before which none is started, since two in a row have failed; else infinite.
    """

    children: Children
    record: WriteLog
    leaving: bool
    title: str
    command: Sequence[str]
    log: Path
    variables: Mapping[str, str]
    listeners: Sequence[Listener] = ()
    processes: list[Accepting] = field(default_factory=list)
    starts: int = 0
    closed_until: float = math.inf
    _failures: int = 0  # failed starts in a row

    def listen(self, new: Sequence[Listener]) -> None:
        """Listens with `new` from now on, and closes the old listeners that are not among them."""
        sockets = {listener.socket for listener in new}
        self.dismiss(lambda process: any(each.socket not in sockets for each in process.listeners))
        old, self.listeners = self.listeners, new
        for listener in old:
            if listener.socket not in sockets:
                self.children.poller.register(listener.socket.fileno(), 0)
                listener.close()
        self._watch()

    def turn(self, ready: Container[object], now: float) -> None:
        """Sees to processes that have stopped accepting or have ended, and starts one if somebody has connected."""
        for process in list(self.processes):
            if process.channel and process.channel.fileno() in ready:
                leaves = process.channel.recv(1)  # a process without a word has been killed, and its exit says so
                self._hang_up(process, leaves=bool(leaves))
            self._reap(process, now, ready)
        waiting = self.polled()
        if any(each.socket.fileno() in ready for each in waiting):
            self._start(now, waiting)

    def on_time(self, now: float) -> None:
        """Listens again after the time in which no process may be started."""
        if self.closed_until <= now:
            self.closed_until = math.inf
            self._watch()

    def prepare_end(self, *, stop: bool) -> None:
        """Starts no process any more; with `stop`, closes our listeners too. A service manager's stay, and whoever
        connects there waits for the next supervisor."""
        self.leaving = True
        self.listen([each for each in self.listeners if each.lasting] if stop else self.listeners)

    def dismiss(self, which: Callable[[Accepting], bool] = lambda _: True) -> None:
        """Asks processes to leave: they finish what they have, and accept no more."""
        for process in filter(which, self.processes):
            process.dismissed = True
            self._hang_up(process, leaves=True)

    def close(self, timeout_s: float) -> None:
        """Ends the processes that are left, and closes all listeners."""
        end = time.monotonic() + timeout_s
        self.dismiss()
        for process in list(self.processes):
            process.child.process.kill()
            while process in self.processes and time.monotonic() < end:
                self._reap(process, math.inf)
                time.sleep(0.001)
        for listener in self.listeners:
            listener.close()
        self.listeners = ()

    @property
    def pid(self) -> int | None:
        return self.processes[-1].child.process.pid if self.processes else None

    def polled(self) -> list[Listener]:
        """Returns the listeners whose next connection starts a process."""
        return [each for each in self.listeners if each.socket.fileno() in self.children.poller]

    def _watch(self) -> None:
        """Has the loop poll the listeners from which no process accepts; none while no process may be started."""
        closed = self.leaving or self.closed_until < math.inf
        accepted = {listener.socket for process in self.processes for listener in process.listeners}
        for listener in self.listeners:
            flags = 0 if closed or listener.socket in accepted else zmq.POLLIN
            self.children.poller.register(listener.socket.fileno(), flags)  # 0: no longer

    def _start(self, now: float, accepted: list[Listener]) -> None:
        """Starts a process that accepts from these polled listeners."""
        words = [f"{each.address.kind}={each.socket.fileno()}={each.address.text}" for each in accepted]
        ours = None
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                command = [*self.command, "--channel", str(theirs.fileno()), *words]
                inherited = [theirs.fileno(), *(each.socket.fileno() for each in accepted)]
                child = self.children.start(command, self.log, self.variables, inherited=inherited)
        except (*REFUSALS, ValueError) as error:
            if ours:
                ours.close()
            self._fail(now, 0.0, f"could not be started ({reason(error)})")
            return
        self.processes.append(Accepting(child, now, ours, accepted))
        self.starts += 1
        self.children.poller.register(ours.fileno(), zmq.POLLIN)
        self.record("debug", f"started {self.title} (pid {child.process.pid})")
        self._watch()

    def _hang_up(self, process: Accepting, *, leaves: bool) -> None:
        """Closes the channel; takes its listeners back from a process that `leaves`, and so accepts no more."""
        if process.channel:
            self.children.poller.unregister(process.channel.fileno())
            process.channel.close()
            process.channel = None
        if leaves:
            process.listeners = ()
            self._watch()

    def _reap(self, process: Accepting, now: float, ready: Container[object] | None = None) -> None:
        """Forgets a process that has ended; after one that has failed the next one may have to wait."""
        if (status := process.child.poll(ready)) is None:
            return
        self._hang_up(process, leaves=True)
        process.child.close()
        self.processes.remove(process)
        if status:
            uploads.sweep()
        if status == 0 or process.dismissed:
            self._failures = 0
        else:
            self._fail(now, now - process.started, f"ended with status {status}, see {process.child.log}")

    def _fail(self, now: float, lived: float, reason: str) -> None:
        """Records a failure; from the second start in a row on that fails, closes the connections that wait, and
        starts no process for a while."""
        self.record("error", f"{self.title} {reason}")
        self._failures = self._failures + 1 if lived < PROVEN_LIFE_S else 0
        if self._failures > 1:
            count = sum(listener.drop_waiting() for listener in self.polled())
            self.record("error", f"closed {count} connections, and starts {self.title} after {RESTART_DELAY_S:.0f} s")
            self.closed_until = now + RESTART_DELAY_S
            self._watch()
