"""Processes that tests end when they like, in the place of real ones (the seam: `hushd_supervisor.system.process`)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import zmq
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import TO_WORKER, Message, WorkerHello


class FakeProcess:
    """A process that is only its parent's view of it.

    `environment` and `command` are what it was started with, `kills` counts. `says` connects as a worker would.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], pid: int, **descriptors: Any) -> None:
        self.command = list(command)
        self.environment = dict(environment)
        self.descriptors = descriptors
        self.pid = pid
        self.kills = 0
        self.closed = False
        self.status: int | None = None
        self.exit_fd: int | None
        self.exit_fd, self._exit = os.pipe()
        self._socket: zmq.Socket[bytes] | None = None

    # --- what the supervisor sees ------------------------------------------------------------------------------------

    def poll(self) -> int | None:
        return self.status

    def kill(self) -> None:
        self.kills += 1

    def close(self) -> None:
        assert not self.closed
        self.closed = True
        if self.exit_fd is not None:
            os.close(self.exit_fd)

    def without_pidfd(self) -> None:
        """Becomes a process whose end only SIGCHLD tells, as on macOS."""
        assert self.exit_fd is not None
        os.close(self.exit_fd)
        self.exit_fd = None

    # --- what a test does --------------------------------------------------------------------------------------------

    def write(self, text: str) -> None:
        """Writes to its standard error; only while it is being started, before the supervisor has closed it."""
        os.write(self.descriptors["stderr"], text.encode())

    def exit(self, status: int) -> None:
        """Ends; the supervisor's poll wakes up."""
        self.status = status
        os.close(self._exit)

    @property
    def socket(self) -> zmq.Socket[bytes]:
        if self._socket is None:
            self._socket = zmq.Context.instance().socket(zmq.DEALER)
            self._socket.set(zmq.LINGER, 1000)
            self._socket.connect(self.environment["HUSHD_WORKER_SOCKET"])
        return self._socket

    def hello(self, **fields: Any) -> None:
        token = self.environment["HUSHD_WORKER_TOKEN"]
        self.says(
            WorkerHello(**{"token": token, "protocol": PROTOCOL, "version": __version__, "pid": self.pid} | fields)
        )

    def says(self, *messages: Message) -> None:
        for message in messages:
            self.socket.send_multipart(pack(message))

    def hears(self, timeout: float = 5.0) -> Message:
        assert self.socket.poll(timeout * 1000), "nothing came"
        return unpack(self.socket.recv_multipart(), Decoder(TO_WORKER))

    def hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class FakeLauncher:
    """Starts fake processes and remembers them; `error` is raised instead, when set; `last_words` go to stderr.

    Without `pidfds` only SIGCHLD tells of an exit.
    """

    def __init__(self) -> None:
        self.pidfds = True
        self.started: list[FakeProcess] = []
        self.error: Exception | None = None
        self.files = -1  # the last process's end of the way of files, if `keeps_files`
        self.keeps_files = False
        self.last_words = ""

    def __call__(self, command: Sequence[str], environment: Mapping[str, str], **descriptors: Any) -> FakeProcess:
        if self.error is not None:
            raise self.error
        # A pid of nobody, beyond what Linux gives out.
        process = FakeProcess(command, environment, 2**22 + len(self.started), **descriptors)
        process.write(self.last_words)
        if self.keeps_files:
            self.files = os.dup(int(environment["HUSHD_FILES"]))
        if not self.pidfds:
            process.without_pidfd()
        self.started.append(process)
        return process

    def close(self) -> None:
        for process in self.started:
            process.hang_up()
            if process.status is None:
                process.exit(-9)
            if not process.closed:
                process.close()
