"""The gateway's process: started for the first connection that needs it, and the connections on their way to it.

A connection waits in our queue, then in the channel. We keep both ends of the channel, so the connections that an
exiting gateway has not received stay there, and the next gateway is started for them. After a gateway that dies at its
start none is started for a while, and waiting connections are refused.
"""

from __future__ import annotations

import math
import select
import selectors
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from hushd_protocol.system import handover, uploads
from hushd_protocol.system.handover import Handover

from hushd_supervisor.system import children
from hushd_supervisor.system.children import Running
from hushd_supervisor.system.process import Launch, Process

START_S = 30.0  # until a new gateway must have received its first connection
SOUND_S = 10.0  # a gateway that lived this long had started well
WAIT_S = 20.0  # for a place in the channel, while the gateway has as many connections as it takes
BACKOFF_S = (1.0, 2.0, 5.0, 15.0, 60.0)  # after 1, 2, 3, 4, and more failed starts in a row
LEAVE_S = 4.0  # for the last answers at the end

Connection = tuple[socket.socket, Handover]


def gateway_command(channel: int) -> list[str]:
    """Returns the command line of a gateway that receives connections from descriptor `channel`."""
    return [sys.executable, "-P", "-m", "hushd_gateway", "--channel", str(channel)]


class Gateway:
    """The gateway, running or not, and the connections that wait for it.

    Args:
        selector: watches its exit, and the channel while it is full.
        launch: starts a process.
        output: its log.
        record: writes to the supervisor's log (level, text).
        command: returns the command line for a descriptor of the channel.

    Attributes:
        starts: processes started so far.
        secrets: variables for its environment alone.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        launch: Launch,
        output: Path,
        record: Callable[[str, str], None],
        command: Callable[[int], Sequence[str]] = gateway_command,
    ) -> None:
        self._selector = selector
        self._launch = launch
        self._output = output
        self.secrets: Mapping[str, str] = {}
        self._record = record
        self._command = command
        self._send_end, self._receive_end = handover.channel()
        self._queue: deque[tuple[float, Connection]] = deque()  # connections, each with its deadline
        self._child: Running | None = None
        self._started = -math.inf
        self._received = False  # whether it has received a connection, as far as we know
        self._failures = 0
        self._not_before = -math.inf
        self._leave_by = math.inf  # its deadline once it was told to leave
        self.starts = 0

    def __len__(self) -> int:
        """The number of connections that wait for a place in the channel."""
        return len(self._queue)

    @property
    def _process(self) -> Process | None:
        return self._child.process if self._child else None

    @property
    def pid(self) -> int | None:
        """The process id, None while no gateway runs."""
        return self._process.pid if self._process else None

    def closed_for(self, now: float) -> float:
        """Returns the seconds for which no gateway will be started, because the last one failed."""
        return 0.0 if self._process else max(0.0, self._not_before - now)

    def give(self, connection: socket.socket, form: Handover, now: float) -> None:
        """Hands a connection over, and starts a gateway if none runs; `refused` returns it if that fails."""
        if self._process and not self._received:
            self._received = not self._is_waiting()  # its first connection has left the channel
        self._queue.append((now + WAIT_S, (connection, form)))
        self.flush()
        self._start(now)

    def on_time(self, now: float) -> None:
        """Kills a gateway that receives no connections; to be called when `deadline` has passed."""
        if self._process and not self._received and now >= self._started + START_S:
            self._received = not self._is_waiting()
            if not self._received:
                self._record("error", f"the gateway (pid {self.pid}) does not receive connections: killing it")
                self._process.kill()
                self._started = now
        self.flush()

    @property
    def _leaves(self) -> bool:
        return self._leave_by < math.inf

    @property
    def awaits(self) -> bool:
        """True if a connection waits, or the gateway has not received its first one."""
        return bool(self._queue) or (self._process is not None and not self._received)

    def excuse(self, seconds: float) -> None:
        """Extends all deadlines by `seconds`, in which this process stood still."""
        self._started += seconds
        self._queue = deque((due + seconds, waiting) for due, waiting in self._queue)

    def deadline(self) -> float:
        """The time at which `on_time` or `refused` is due."""
        start = self._started + START_S if self._process and not self._received else math.inf
        return min(start, self._leave_by, self._queue[0][0] if self._queue else math.inf)

    def refused(self, now: float) -> Iterator[Connection]:
        """Yields the connections that cannot be served: their time is up, or no gateway will start soon."""
        while self._queue and (self._leaves or self._queue[0][0] <= now or self.closed_for(now)):
            yield self._queue.popleft()[1]
        if self.closed_for(now):
            yield from self._take_back()

    def exited(self, now: float) -> bool:
        """Reaps the process if it has exited; starts the next one if connections wait."""
        if self._child is None or (status := self._child.process.poll()) is None:
            return False
        if self._child.process.exit_fd is not None:
            self._selector.unregister(self._child.process.exit_fd)
        self._child.close()
        lived, self._child = now - self._started, None
        if status == 0:
            self._failures = 0
            self._record("debug", f"the gateway left after {lived:.0f} s")
        else:
            self._fail(now, lived, f"ended with status {status}, see {self._output}")
            uploads.sweep()
        if self._is_waiting() or self._queue:
            self._start(now)
        return True

    def leave(self, now: float) -> bool:
        """Closes the channel, upon which the gateway leaves; returns whether it has left, or has had its time."""
        if not self._leaves:
            self._leave_by = now + LEAVE_S
            if self._send_end.fileno() in self._selector.get_map():
                self._selector.unregister(self._send_end)
            self._send_end.close()
        return self._process is None or self._leave_by <= now

    def close(self) -> None:
        """Closes the channel and kills the gateway."""
        self.leave(-math.inf)
        if self._child:
            process = self._child.process
            process.kill()
            if process.exit_fd is not None:
                _is_readable(process.exit_fd, LEAVE_S)
            if process.poll() != 0:
                uploads.sweep()
            self._child.close()
            self._child = None
        for connection, _ in [*self._take_back(), *(waiting for _, waiting in self._queue)]:
            connection.close()
        self._receive_end.close()

    # --- the process -------------------------------------------------------------------------------------------------

    def _start(self, now: float) -> None:
        if self._process or self._leaves or now < self._not_before:
            return
        channel = self._receive_end.fileno()
        try:
            child = children.start(
                self._launch, self._command(channel), self._output, self.secrets, inherited=(channel,)
            )
        except (OSError, ValueError) as error:
            self._fail(now, 0.0, f"could not be started ({error})")
            return
        self._child, process = child, child.process
        self._started, self._received = now, False
        self.starts += 1
        if process.exit_fd is not None:
            self._selector.register(process.exit_fd, selectors.EVENT_READ, self)
        self._record("debug", f"started a gateway (pid {process.pid})")

    def _fail(self, now: float, lived: float, reason: str) -> None:
        self._record("error", f"the gateway {reason}")
        self._failures = self._failures + 1 if lived < SOUND_S else 0
        if self._failures:
            self._not_before = now + BACKOFF_S[min(self._failures, len(BACKOFF_S)) - 1]

    # --- the channel -------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Sends as many connections as the channel takes; watches it for room while some are left."""
        if self._leaves:
            return
        while self._queue:
            _, (connection, form) = self._queue[0]
            try:
                handover.send(self._send_end, connection, form)
            except OSError:  # the channel is full, or the system allows no more descriptors in transit
                break
            self._queue.popleft()
            connection.close()
        watched = self._send_end.fileno() in self._selector.get_map()
        if self._queue and not watched:
            self._selector.register(self._send_end, selectors.EVENT_WRITE, self)
        elif watched and not self._queue:
            self._selector.unregister(self._send_end)

    def _is_waiting(self) -> bool:
        """Returns whether connections wait in the channel."""
        return _is_readable(self._receive_end.fileno(), 0.0)

    def _take_back(self) -> Iterator[Connection]:
        while self._process is None and self._is_waiting():
            try:
                received = handover.receive(self._receive_end)
            except OSError:  # no descriptor is free, so it cannot be answered
                handover.drop(self._receive_end)
                continue
            if received is None:
                return
            yield received


def _is_readable(descriptor: int, patience: float) -> bool:
    poll = select.poll()  # not select(), which takes no descriptor beyond 1023
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(patience * 1000))
