"""A supervisor on another machine, reached by the user's own ssh.

Each connection has an ssh of its own, which runs `hushd relay` there. Its standard input and output are the other end
of libzmq's Unix socket: so no byte passes through this process, ssh ends as soon as that socket is closed by anybody,
and the socket's file is removed before ssh begins.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import suppress
from typing import Any

from hushd.transport.connection import Connection
from hushd_protocol import hosts
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from . import ssh

LOGIN_S = 120.0  # a person may have to type something
RESTART_WINDOW_S = 5.0  # seconds in which a supervisor that served us before may start anew
ENDPOINT_DELAY_S = 0.1
ACCEPT_S = 10.0
SSH_LAST_WORDS_S = 2.0  # seconds for the last words of an ssh whose socket is closed
# Exit statuses: of a hushd that has no such command, of a shell that finds none, of ssh itself.
USAGE, NOT_FOUND, FAILED = 2, 127, 255

# The user's shell there runs this. A login reads the profile, whose PATH has hushd; what that prints is not for libzmq.
# SIGINT is the program's, which may go on: ssh is in its process group, since else it could not ask for a password.
_THERE = """
exec 3>&1 1>&2
exec sh -lc 'PATH=$0:$PATH:$HOME/.local/bin; exec hushd relay 1>&3 3>&-' "$PATH"
"""
_HERE = ("sh", "-c", 'trap "" INT QUIT; exec "$@"', "sh")

_numbers = itertools.count(1)


class SshMachine:
    """The machine at an endpoint: a `Machine`, whose devices are not used from here.
    Raises `bad_request` for what is not an endpoint. `patience`: seconds in which it must answer a hello."""

    patience = LOGIN_S
    devices: Any = None

    def __init__(self, text: str, here: paths.Paths) -> None:
        self._endpoint = hosts.parse(text)
        self.place = self._endpoint.host
        self._here = here
        self._served = False  # whether we had a connection before

    def connect(self, holder: str | None) -> Connection:
        """Connects; tries again where a supervisor may be starting anew.
        Raises `no_supervisor` where none can be reached; `unauthorised` where ssh is let in by none of its keys, or
        does not know the machine's."""
        give_up = time.monotonic() + RESTART_WINDOW_S
        while True:
            relay = Relay(self._endpoint, self._here)
            try:
                connection = Connection(relay.path, holder=holder, patience=self.patience, place=self.place)
            except HushdError as error:
                fault = relay.explain() if error.code == "supervisor_lost" else error
                again = ("supervisor_lost", "shutting_down", *(["no_supervisor"] if self._served else []))
                if fault.code not in again or time.monotonic() >= give_up:
                    raise self._explained(fault) from error
                time.sleep(ENDPOINT_DELAY_S)
                continue
            self._served = True
            return connection

    def _explained(self, error: HushdError) -> HushdError:
        if error.code != "version_mismatch":
            return error
        text = f"{self.place} has another version of hushd: install the same on both, then run `hushd restart` there."
        return HushdError(error.code, text)


class Relay:
    """The ssh of one connection, which starts as soon as somebody connects to the socket at `path`.
    Raises `no_supervisor` where ssh cannot be run."""

    def __init__(self, target: hosts.Endpoint, here: paths.Paths) -> None:
        self._target = target
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = b""
        self._failure = ""
        if not shutil.which("ssh"):
            raise self._nobody("there is no ssh on this machine: install it")
        self.path = here.runtime / f"ssh-{os.getpid()}-{next(_numbers)}"
        paths.prepare_runtime(here)
        paths.check_socket(self.path)
        listener = socket.socket(socket.AF_UNIX)
        listener.settimeout(ACCEPT_S)
        listener.bind(os.fspath(self.path))
        listener.listen(1)
        self._thread = threading.Thread(target=self._run, args=(listener,), name="hushd-ssh", daemon=True)
        self._thread.start()

    def explain(self) -> HushdError:
        """Returns the reason why there was no welcome, and ends ssh, whose socket is closed by now."""
        self._thread.join(SSH_LAST_WORDS_S)
        if self._failure:
            return self._nobody(f"ssh cannot be run ({self._failure})")
        if self._process is None or self._thread.is_alive():
            if self._process:
                self._process.kill()
            return self._nobody(f"it does not answer, or its shell prints something, which `ssh {self._host} :` shows")
        status, cause = self._process.returncode, ssh.reason(self._errors, self._host)
        if status == FAILED:
            refused = any(word in cause for word in ("refuses", "host key"))
            return self._nobody(cause, "unauthorised" if refused else "no_supervisor")
        if status == NOT_FOUND:
            return self._nobody("there is no hushd on the PATH of a login there: install it")
        if status == 0:
            return HushdError("supervisor_lost", f"The supervisor at {self._host} went away: try again.")
        if b"relay" in self._errors and status == USAGE:
            return HushdError("version_mismatch", "It knows no `hushd relay`.")
        return self._nobody(cause.removeprefix("hushd relay: "))

    @property
    def _host(self) -> str:
        return self._target.host

    def _run(self, listener: socket.socket) -> None:
        """Gives ssh the other end of the connection, and keeps its last words."""
        try:
            try:
                with listener:
                    end, _ = listener.accept()
            finally:
                self.path.unlink()
            with end:
                end.setblocking(True)
                self._process = self._start(end)
        except OSError as error:
            self._failure = error.strerror or str(error)
            return
        self._process.wait()
        assert self._process.stderr
        with self._process.stderr as errors, suppress(BlockingIOError):  # a connection that ssh shares keeps it open
            self._errors = os.read(errors.fileno(), 65536)

    def _start(self, end: socket.socket) -> subprocess.Popen[bytes]:
        options = [*ssh.options(prompts=ssh.has_terminal()), "-o", "ConnectTimeout=10"]
        words = [*_HERE, "ssh", *options, *self._target.words, ssh.script(_THERE)]
        process = subprocess.Popen(words, stdin=end.fileno(), stdout=end.fileno(), stderr=subprocess.PIPE)
        assert process.stderr
        os.set_blocking(process.stderr.fileno(), False)
        return process

    def _nobody(self, what: str, code: str = "no_supervisor") -> HushdError:
        return HushdError(code, f"The hushd of {self._host} cannot be reached: {ssh.ended(what)}")
