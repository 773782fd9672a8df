"""A server's process: its start, the proof that it works, connections to it, and its end with all that it started."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hushd_models import server_files
from hushd_protocol.errors import HushdError
from hushd_protocol.system.footprint import descendants
from hushd_protocol.system.lifeline import adopt_orphans
from hushd_schema.server_file import ServerFile

from hushd_worker import card, usage
from hushd_worker.errors import EXIT_CRASHED

from . import addresses, exchange
from .exchange import Answer, Bounds, Broken, Check, Hangs, Line, Unreachable
from .turns import Turns

_FIRST_ASK_S, _LATEST_ASK_S = 0.03, 0.25  # pauses before a starting server is asked again
_CONNECT_STEP_S = 0.5  # seconds for which a cancel goes unnoticed
_DOWNLOAD_S = 6 * 3600.0  # seconds for a server that may download its model
_LOADING = (425, 429, 503)
_DEATH_S = 0.5  # seconds within which the end of a server is noticed
_OUTPUT_TAIL_BYTES = 4000  # bytes of its output that are kept
_OUTPUT_LAST_WORDS_S = 1.0  # seconds for which the output of a server that has ended is still read
# Prefixes of this process's variables that are not for a program with an environment of its own.
_OURS = ("HUSHD_", "PYTHON", "VIRTUAL_ENV")


def once(load: Callable[[Callable[[str], None]], object], close: Callable[[], object]) -> None:
    """Loads an engine with a server that may download its model, shows the server's log, and ends it."""
    try:
        load(lambda note: None)
    except HushdError as error:
        sys.exit(error.message)
    close()


class ServerProcess:
    """One server, for as long as this worker lives.
    `offline`: whether it is told to download no model."""

    def __init__(self, server: ServerFile, *, offline: bool = True) -> None:
        self.file = server
        self.offline = offline
        self._where: dict[str, str] = {}
        self._listeners: set[str] = set()  # inodes of sockets that are known to be its own
        self._output = bytearray()
        self._guard: subprocess.Popen[bytes]
        self._reader: threading.Thread
        self._control = -1
        self._proven = False
        self._leaving = False
        self._turns = Turns(server.parallel, server.stop_timeout, self._replace)

    def start(self, prove: Callable[[float], object], report: Callable[[str], None]) -> None:
        """Starts the server, and waits until `prove`, which asks it for something short, has succeeded. Raises
        `engine_missing`, in one sentence, if it cannot be started, ends, hangs, or does not work.

        Args:
            prove: gets the seconds that are left for it.
            report: takes notes on the progress.
        """
        limit_s = self.file.start_timeout if self.offline else _DOWNLOAD_S
        name, until = self.file.name, time.monotonic() + limit_s
        self._spawn()
        report(f"starts the server {name}")
        pause_s = _FIRST_ASK_S
        try:
            while not self._works(prove, until):
                if self._ended():
                    raise Broken("")
                if time.monotonic() > until:
                    raise Hangs
                report(f"waits for the server {name}")
                time.sleep(pause_s)
                pause_s = min(1.2 * pause_s, _LATEST_ASK_S)
        except Hangs:
            raise self._failed(f"did not answer within {limit_s:g} s") from None
        except Broken as error:
            with contextlib.suppress(subprocess.TimeoutExpired):  # its end, a better reason, may come a moment later
                self._guard.wait(_DEATH_S)
            raise self._failed(self._why_ended() or str(error)) from error
        except HushdError as error:
            if self._ended():
                raise self._failed(self._why_ended()) from error
            self.end()
            if error.code == "engine_missing":
                raise
            raise HushdError("engine_missing", error.message) from error
        self._proven = True
        if self.file.stop:
            usage.elsewhere = int(1e6 * self.file.memory_mb)

    def compute_device(self) -> str:
        """Returns `cuda` if the server holds memory of a card; that is only looked up if its file expects some."""
        if not self.file.vram_mb:
            return "cpu"

        return "cuda" if card.memory_used() else "cpu"

    @contextlib.contextmanager
    def line(self, check: Check, bounds: Bounds) -> Iterator[Line]:
        """Connects; closes the connection afterwards, by which the server learns of a cancel.

        A server that goes on with what was cancelled is let finish first, or replaced; see `turns`.
        """
        with self._turns.turn(check):
            try:
                connection = self._connect()
            except OSError as error:
                raise Unreachable(f"cannot be reached ({error.strerror or error})") from error
            with connection:
                yield Line(connection, check, bounds)

    @contextlib.contextmanager
    def ask(self, path: str, body: bytes | None, kind: str, check: Check, bounds: Bounds) -> Iterator[Answer]:
        """Asks over HTTP; see `exchange.ask`. Raises HushdError if it fails, or another program answers."""
        with self.line(check, bounds) as line:
            answer = exchange.ask(line, path, body, kind)
            if answer.status >= 300:
                raise exchange.refusal(self.file.name, path, answer)
            yield answer

    @contextlib.contextmanager
    def reported(self) -> Iterator[None]:
        """Turns what goes wrong with a request into HushdError `worker_failed`. A server that does not answer is
        ended, and the worker with it, so that the next request gets a new one."""
        name = self.file.name
        try:
            yield
        except Broken as error:
            time.sleep(_DEATH_S)  # the end of the server is this worker's, and a better reason
            raise HushdError("worker_failed", f"The server {name} {error}.") from error
        except Hangs as error:
            threading.Timer(_DEATH_S, self._replace).start()  # the error is sent before
            raise HushdError("worker_failed", f"The server {name} {error}.") from None

    def _replace(self) -> None:
        """Ends the server, and with it this worker: the supervisor starts both again if somebody asks."""
        with contextlib.suppress(OSError):
            os.write(self._control, b"t")

    def end(self) -> None:
        """Ends the server and all that it started: by its `stop` or SIGTERM, in time, or by SIGKILL."""
        if self._control >= 0:
            self._leaving = True
            self._replace()
            self._guard.wait()

    # --- its start -----------------------------------------------------------------------------------------------

    def _spawn(self) -> None:
        server = self.file
        if server_files.installed(server) is None:
            file = server_files.SERVERS.path(server.name)
            raise HushdError("engine_missing", f"The program {server.run[0]!r} of {file} is not installed.")
        adopt_orphans()  # processes that a killed guard leaves
        self._where = {"port": str(addresses.free_port()), "socket": str(addresses.socket_path())}
        control, self._control = os.pipe()
        out_read, out_write = os.pipe()
        stop = server.program(self._where, server.stop)
        settings = [control, os.getpgrp(), server.stop_timeout, os.path.expanduser(server.cwd), len(stop), *stop]
        guard = [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")), *map(str, settings)]
        self._guard = subprocess.Popen(
            [*guard, *server.program(self._where, server.run)],
            stdin=subprocess.DEVNULL,
            stdout=out_write,
            stderr=out_write,
            pass_fds=(control,),
            env=_environment(server.env, self._where, self.offline),
        )
        for descriptor in (control, out_write):
            os.close(descriptor)
        self._reader = threading.Thread(target=self._listen, args=(out_read,), name="server-output", daemon=True)
        self._reader.start()
        threading.Thread(target=self._watch, name="server-end", daemon=True).start()

    def _listen(self, descriptor: int) -> None:
        """Keeps the end of the server's output. The log gets it until it is ready: later it may quote speech."""
        with open(descriptor, "rb", buffering=0) as pipe:
            while data := pipe.read(4096):
                self._output = (self._output + data)[-_OUTPUT_TAIL_BYTES:]
                if not self._proven or os.environ.get("HUSHD_DEBUG"):
                    sys.stderr.write(data.decode(errors="replace"))

    def _watch(self) -> None:
        """Ends this worker with its server."""
        if self._guard.wait() == -9:  # the guard was killed, and left us its tree
            if stop := self.file.program(self._where, self.file.stop):
                with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                    subprocess.run(stop, timeout=self.file.stop_timeout, stdout=subprocess.DEVNULL)
            for pid in descendants("self"):
                with contextlib.suppress(OSError):
                    os.kill(int(pid), 9)
        if self._proven and not self._leaving:
            print(f"The server {self.file.name} {self._why_ended()}.", file=sys.stderr)
            sys.stderr.flush()
            os._exit(EXIT_CRASHED)

    def _works(self, prove: Callable[[float], object], until: float) -> bool:
        """Returns whether it says so, if there is a path for that, and then does; not before it listens, and while it
        loads."""
        says, limit_s = not self.file.ready, max(0.1, until - time.monotonic())
        try:
            if not says:
                with self.ask(self.file.ready, None, "", lambda: None, Bounds(limit_s, limit_s)) as answer:
                    says = self.file.ready_has.encode() in b"".join(answer.blocks())
            if says:
                prove(limit_s)
            return says
        except Unreachable:
            return False
        except HushdError as error:
            status = error.detail.get("status")
            if status is None or (says and (status not in _LOADING or time.monotonic() > until)):
                raise
            return False

    def _ended(self) -> bool:
        return self._guard.poll() is not None

    def _why_ended(self) -> str:
        if not self._ended():
            return ""
        status = self._guard.returncode
        return f"ended ({f'signal {status - 128}' if status > 128 else f'exit status {status}'}{self._last_words()})"

    def _last_words(self) -> str:
        """Returns the end of the output of a server that has ended."""
        self._reader.join(_OUTPUT_LAST_WORDS_S)
        lines = bytes(self._output).decode(errors="replace").strip().splitlines()
        return f"; its log ends with: {lines[-1].strip()[:300].rstrip('.')}" if lines else ""

    def _failed(self, why: str) -> HushdError:
        self.end()
        words = "" if "log ends" in why else self._last_words()
        return HushdError("engine_missing", f"The server {self.file.name} {why}{words}.")

    # --- connections ---------------------------------------------------------------------------------------------

    def _connect(self) -> socket.socket:
        """Connects to the server, and to no other program.

        Raises:
            OSError: nobody listens, or takes connections.
            HushdError: another program does.
        """
        by_port = any("{port}" in word for word in self.file.run)
        connection = socket.socket(socket.AF_INET if by_port else socket.AF_UNIX)
        connection.settimeout(_CONNECT_STEP_S)
        try:
            connection.connect(("127.0.0.1", int(self._where["port"])) if by_port else self._where["socket"])
            if by_port:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._check_who_listens()
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_who_listens(self) -> None:
        """Two programs may listen on one port (SO_REUSEPORT), and either may get a connection."""
        listeners = addresses.listeners(int(self._where["port"]))
        if listeners is None or self.file.stop:  # a container's belongs to its daemon
            return
        if not listeners:  # any more: who has accepted is unknown
            raise ConnectionRefusedError("nobody listens")
        if listeners <= self._listeners:
            return
        self._listeners = {inode for pid in descendants("self") for inode in addresses.sockets(pid)} & listeners
        if listeners - self._listeners:
            address = f"127.0.0.1:{self._where['port']}"
            raise HushdError(
                "engine_missing", f"Another program answers on {address}, not the server {self.file.name}: try again."
            )


def _environment(own: Mapping[str, str], where: Mapping[str, str], offline: bool) -> dict[str, str]:
    """Returns the variables of a server: `own` go first, and unless they say otherwise an `offline` one downloads
    nothing."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    variables |= {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1" if offline else "0"}
    for name, value in own.items():
        variables[name] = os.path.expanduser(
            value.replace("{port}", where["port"]).replace("{socket}", where["socket"])
        )
    return variables
