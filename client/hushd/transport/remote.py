"""A supervisor on another machine, reached by the user's own ssh.

Each connection has an ssh of its own, which runs `hushd relay` there. Its standard input and output are the other end
of libzmq's Unix socket: so no byte passes through this process, ssh ends with whoever closes that socket, however that
comes, and the socket's file is gone before ssh has begun.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import zmq
from hushd_protocol import endpoint
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from . import ssh

VARIABLE = "HUSHD_ENDPOINT"
LOGIN_S = 120.0  # a person may have to type something
AGAIN_S = 5.0  # in which a supervisor that served us before may start anew
PAUSE_S = 0.1
ACCEPT_S = 10.0
PATIENCE_S = 1.0  # with an ssh whose socket is closed
LAST_WORDS_S = 2.0  # of an ssh that has closed its output
HEARTBEAT_MS = 10_000  # by which both sides notice that the other has vanished without a word
# Exit statuses: of a hushd that has no such command, of a shell that finds none, of ssh itself.
USAGE, NOT_FOUND, FAILED = 2, 127, 255

# What the user's shell there runs. A login reads the profile, whose PATH has hushd; what that prints is not for libzmq.
# SIGINT is the program's, which may go on: ssh is in its process group, since else it could not ask for a password.
_THERE = """
exec 3>&1 1>&2
exec sh -lc 'PATH=$0:$PATH:$HOME/.local/bin; exec hushd relay 1>&3 3>&-' "$PATH"
"""
_HERE = ("sh", "-c", 'trap "" INT QUIT; exec "$@"', "sh")

_numbers = itertools.count(1)
T = TypeVar("T")


class RemoteMachine:
    """The machine at an endpoint, as this one comes to it.

    Attributes:
        place: its name, for people.
        patience: the seconds in which it must answer a hello.
        lends_devices: whether its devices are used from here.

    Raises:
        HushdError: `bad_request` for what is not an endpoint.
    """

    patience = LOGIN_S
    lends_devices = False

    def __init__(self, text: str, here: paths.Paths) -> None:
        self._endpoint = endpoint.parse(text)
        self.place = self._endpoint.host
        self._here = here
        self._served = False  # whether we had a connection before

    def connect(self, open: Callable[[Tunnel], T]) -> T:
        """Returns the connection that `open` makes; tries again where a supervisor may be starting anew.

        Raises:
            HushdError: `no_supervisor` where none can be reached; `unauthorised` where ssh is let in by none of its
                keys, or does not know the machine's.
        """
        give_up = time.monotonic() + AGAIN_S
        while True:
            try:
                connection = open(Tunnel(self._endpoint, self._here))
            except HushdError as error:
                again = ("supervisor_lost", "shutting_down", *(["no_supervisor"] if self._served else []))
                if error.code not in again or time.monotonic() >= give_up:
                    raise self._explained(error) from error
                time.sleep(PAUSE_S)
                continue
            self._served = True
            return connection

    def _explained(self, error: HushdError) -> HushdError:
        if error.code != "version_mismatch":
            return error
        text = f"{self.place} has another version of hushd: install the same on both, then run `hushd restart` there."
        return HushdError(error.code, text)


class Tunnel:
    """The ssh of one connection."""

    def __init__(self, target: endpoint.Endpoint, here: paths.Paths) -> None:
        self._endpoint = target
        self.place = target.host
        self._path = here.runtime / f"ssh-{os.getpid()}-{next(_numbers)}"
        self._here = here
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = b""

    def lead(self, dealer: zmq.Socket[bytes]) -> None:
        """Connects a socket to the supervisor there, as far as this machine knows.

        Raises:
            HushdError: `no_supervisor` where ssh cannot be run.
        """
        if not shutil.which("ssh"):
            raise self._nobody("there is no ssh on this machine: install it")
        dealer.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
        dealer.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_MS)
        dealer.setsockopt(zmq.HEARTBEAT_TTL, 2 * HEARTBEAT_MS)  # in which the supervisor there must hear from us
        paths.prepare_runtime(self._here)
        paths.check_socket(self._path)
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.settimeout(ACCEPT_S)
                listener.bind(os.fspath(self._path))
                try:
                    listener.listen(1)
                    dealer.connect(f"ipc://{self._path}")
                    end, _ = listener.accept()
                finally:
                    self._path.unlink()
            with end:
                end.setblocking(True)
                self._run(end)
        except OSError as error:
            raise self._nobody(f"ssh cannot be run ({error.strerror})") from error

    def _run(self, end: socket.socket) -> None:
        options = [*ssh.options(prompts=ssh.has_terminal()), "-o", "ConnectTimeout=10"]
        words = [*options, *self._endpoint.words, ssh.script(_THERE)]
        self._process = subprocess.Popen(
            [*_HERE, "ssh", *words], stdin=end.fileno(), stdout=end.fileno(), stderr=subprocess.PIPE
        )
        assert self._process.stderr
        os.set_blocking(self._process.stderr.fileno(), False)

    def explain(self, *, silent: bool) -> HushdError:
        """The reason why there was no welcome; `silent`: nothing came in time."""
        status = self._ended(LAST_WORDS_S)
        if status is None:
            does = "does not answer" if silent else "hangs up"
            return self._nobody(f"it {does}, or its shell prints something, which `ssh {self.place} :` shows")
        cause = ssh.reason(self._errors, self.place)
        if status == FAILED:
            refused = any(word in cause for word in ("refuses", "host key"))
            return self._nobody(cause, "unauthorised" if refused else "no_supervisor")
        if status == NOT_FOUND:
            return self._nobody("there is no hushd on the PATH of a login there: install it")
        if status == 0:
            return HushdError("supervisor_lost", f"The supervisor at {self.place} went away: try again.")
        if b"relay" in self._errors and status == USAGE:
            return HushdError("version_mismatch", "It knows no `hushd relay`.")
        return self._nobody(cause.removeprefix("hushd relay: "))

    def close(self) -> None:
        """Ends ssh, whose socket is closed by now."""
        if self._process and self._ended(PATIENCE_S) is None:
            self._process.kill()
            self._process.wait()
        if self._process and self._process.stderr:
            self._process.stderr.close()

    def _ended(self, seconds: float) -> int | None:
        """The exit status of ssh, once it has ended within so many seconds; keeps its last words."""
        if self._process is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        if self._process.stderr and not self._process.stderr.closed:
            with suppress(BlockingIOError):
                self._errors += os.read(self._process.stderr.fileno(), 65536)
        return self._process.returncode

    def _nobody(self, what: str, code: str = "no_supervisor") -> HushdError:
        return HushdError(code, f"The hushd of {self.place} cannot be reached: {ssh.ended(what)}")
