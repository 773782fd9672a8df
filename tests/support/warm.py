"""Programs of Python that have imported before they are asked for: each is a fork of a process that waits.

`warm.Popen` and `warm.run` take the place of `subprocess`'s in tests about what a command does. A real process in all
else: its own descriptors, environment, signals and exit status, and a child of whoever started it. Only its imports
are paid once, which is most of what a command costs. Claims about the start itself need one, from `subprocess`.
"""

from __future__ import annotations

import atexit
import gc
import inspect
import io
import os
import pickle
import resource
import runpy
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import psutil
from hushd_protocol.system.lifeline import adopt_orphans

COMMANDS = (
    "hushd_cli.entry", "hushd_cli.main", "hushd_cli.commands.say.command", "hushd_cli.commands.listen.command",
    "hushd_cli.commands.say.speaking", "hushd.client", "hushd_cli.terminal.console", "json",
)  # fmt: skip
SCRIPTS = {os.path.join(os.path.dirname(sys.executable), name) for name in ("hushd", "listen", "say")}
# Words in a command line, each with what its program imports.
IMPORTED = {
    "hushd_supervisor": ("hushd_supervisor.run",),
    "fuzzing": ("fuzzing.command",),
    "cluster": (*COMMANDS, "hushd_cluster.corpus"),
    "http_gateway": ("hushd", "hushd_gateway.http", "hushd_schema.settings", "uvicorn"),
    "scripted_engine": ("hushd_worker.harness", "hushd_schema.results", "hushd_worker.errors", "argparse"),
    "hushd_mcp": ("hushd_mcp.serving", "hushd.client"),
    "mcp": (*COMMANDS, "hushd_mcp.command"),
}
# What Python and hushd read of the environment before the first line of a program; PYTHONPATH is added.
_READ_AT_THE_START = ("PYTHON", "LC_", "LANG", "LD_")
_STARTED_WITH = dict(os.environ)
_NURSERIES: list[int] = []  # the numbers of the processes that wait
PIPE = subprocess.PIPE


class Popen(subprocess.Popen[Any]):
    """A process as `subprocess.Popen` makes it; forked if it is this Python's `-c` or `-m`, or hushd's command."""

    def _execute_child(self, *arguments: Any) -> None:
        """Starts the process, in place of the fork and exec of the base class."""
        asked = inspect.signature(super()._execute_child).bind(*arguments).arguments  # type: ignore[misc]
        if not _can_be_forked(asked):
            super()._execute_child(*arguments)  # type: ignore[misc]
            return
        words = [os.fsdecode(word) for word in asked["args"]]
        if words[0] in SCRIPTS:
            words.insert(0, sys.executable)
        isolated = words[1] == "-P"
        pairs = ((asked["p2cread"], 0), (asked["c2pwrite"], 1), (asked["errwrite"], 2))
        descriptors = {number: number if given == -1 else given for given, number in pairs}
        descriptors |= {number: number for number in asked["pass_fds"]}
        self.pid = _nursery(next((names for word, names in IMPORTED.items() if word in words), COMMANDS)).start(
            list(descriptors.values()),
            {
                "numbers": list(descriptors),
                "words": words[2:] if isolated else words[1:],
                "isolated": isolated,
                "environment": dict(os.environ if asked["env"] is None else asked["env"]),
                "folder": os.fspath(asked["cwd"] or os.getcwd()),
                "session": asked["start_new_session"],
                "group": asked["process_group"],
                "limits": _limits(),
            },
        )
        self._child_created = True
        self._close_pipe_fds(*(asked[name] for name in _PIPES))  # type: ignore[attr-defined]


_PIPES = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")


def run(
    words: Sequence[str | bytes],
    *,
    input: Any = None,
    timeout: float | None = None,
    check: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    if options.pop("capture_output", False):
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        options["stdin"] = subprocess.PIPE
    with Popen(words, **options) as process:
        try:
            output, complaint = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(words, process.returncode, output, complaint)
    if check:
        done.check_returncode()
    return done


def _can_be_forked(asked: dict[str, Any]) -> bool:
    words, environment = asked["args"], asked["env"] or os.environ
    plain = not (asked["preexec_fn"] or asked["shell"] or asked["executable"] not in (None, sys.executable))
    return (
        sys.platform == "linux"
        and plain
        and isinstance(words, list | tuple)
        and _is_ours([os.fsdecode(word) for word in words])
        and _read_at_the_start(environment) == _read_at_the_start(_STARTED_WITH)
        and not any(
            os.path.exists(os.path.join(folder, "sitecustomize.py"))
            for folder in environment.get("PYTHONPATH", "").split(os.pathsep)
        )
    )


def _is_ours(words: list[str]) -> bool:
    way = next((word for word in words[1:] if word != "-P"), "")
    return words[0] in SCRIPTS or (words[0] == sys.executable and way in ("-c", "-m"))


def _read_at_the_start(environment: Any) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_READ_AT_THE_START) and name != "PYTHONPATH"
    }


def children() -> list[psutil.Process]:
    """The children of this process, without those that wait for somebody to ask for a program."""
    return [child for child in psutil.Process().children() if child.pid not in _NURSERIES]


@cache
def _nursery(imported: tuple[str, ...]) -> _Nursery:
    return _Nursery(imported)


class _Nursery:
    """The process that waits, one for each of pytest's."""

    def __init__(self, imported: tuple[str, ...]) -> None:
        self._socket, other = socket.socketpair()
        self._lock = threading.Lock()
        code = f"from support import warm; warm.serve({other.fileno()}, {imported})()"
        path = os.pathsep.join((os.path.dirname(os.path.dirname(__file__)), os.environ.get("PYTHONPATH", "")))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code], pass_fds=(other.fileno(),), env=_STARTED_WITH | {"PYTHONPATH": path}
        )
        other.close()
        _NURSERIES.append(self._process.pid)
        atexit.register(self.close)

    def close(self) -> None:
        self._socket.close()
        self._process.wait()

    def start(self, descriptors: list[int], order: dict[str, Any]) -> int:
        """Returns the number of a new process, which is a child of this one."""
        data = pickle.dumps(order)
        with self._lock:
            adopt_orphans(True)
            try:
                socket.send_fds(self._socket, [len(data).to_bytes(8, "big")], descriptors)
                self._socket.sendall(data)
                return int.from_bytes(_read(self._socket, 8), "big")
            finally:
                adopt_orphans(False)


def _limits() -> dict[int, tuple[int, int]]:
    kinds = {getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}
    return {kind: resource.getrlimit(kind) for kind in kinds}


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (part := connection.recv(size - len(data))):
            raise EOFError
        data += part
    return data


# --- in the process that waits, and in its forks ----------------------------------------------------------------------


def serve(number: int, imported: Sequence[str]) -> Callable[[], object]:
    """Forks for each order that comes by the socket, until it is closed; returns in each fork, with its program.

    The fork runs it as Python runs the first program of any process, so it ends like any other.
    """
    for name in imported:
        if find_spec(name.partition(".")[0]):  # a plugin may not be here
            import_module(name)
    sys.path.remove(os.path.dirname(os.path.dirname(__file__)))
    gc.collect()
    gc.freeze()
    connection = socket.socket(fileno=number)
    while True:
        size, descriptors, _, _ = socket.recv_fds(connection, 8, 64)
        if not size:
            os._exit(0)
        size += _read(connection, 8 - len(size)) if len(size) < 8 else b""
        order = pickle.loads(_read(connection, int.from_bytes(size, "big")))
        told, tell = os.pipe()
        if (between := os.fork()) == 0:
            parent = os.getpid()
            if (child := os.fork()) == 0:
                os.close(told)
                os.close(tell)
                connection.close()
                while os.getppid() == parent:
                    os.sched_yield()
                return _become(order, descriptors)
            if order["group"] != -1:  # here: whoever asked may end the group at once
                os.setpgid(child, order["group"])
            os.write(tell, child.to_bytes(8, "big"))
            os._exit(0)
        os.waitpid(between, 0)  # from now on the child is one of whoever asked, and begins
        os.close(tell)
        connection.sendall(os.read(told, 8))
        for descriptor in (told, *descriptors):
            os.close(descriptor)


def _become(order: dict[str, Any], descriptors: list[int]) -> Callable[[], object]:
    """Makes this process the one that was asked for; returns its program, which is left to run."""
    _take(descriptors, order["numbers"])
    os.chdir(order["folder"])
    if order["session"]:
        os.setsid()
    for kind, limits in order["limits"].items() - _limits().items():
        resource.setrlimit(kind, limits)
    ours = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ.clear()
    os.environ.update(order["environment"])
    theirs = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [folder for folder in theirs if folder not in ours]
    if (script := order["words"][0]) in SCRIPTS:
        sys.path.insert(0, os.path.dirname(script))
        sys.argv[:] = order["words"]
        return lambda: runpy.run_path(script, run_name="__main__")
    way, program, *arguments = order["words"]
    if not order["isolated"]:
        sys.path.insert(0, "" if way == "-c" else order["folder"])
    sys.argv[:] = [way, *arguments]
    if way == "-m":
        return lambda: runpy.run_module(program, run_name="__main__", alter_sys=True)
    main = sys.modules["__main__"] = ModuleType("__main__")
    return lambda: exec(compile(program, "<string>", "exec"), main.__dict__)


def _take(descriptors: list[int], numbers: list[int]) -> None:
    """Gives descriptors their numbers, and Python its standard streams."""
    import fcntl

    above = max((*numbers, *descriptors)) + 1
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, above) for descriptor in descriptors]
    for descriptor, number in zip(moved, numbers, strict=True):
        os.dup2(descriptor, number)
    for descriptor in {*moved, *descriptors} - set(numbers):
        os.close(descriptor)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        mode, errors = ("r", "strict") if number == 0 else ("w", "strict" if number == 1 else "backslashreplace")
        lines = number == 2 or os.isatty(number)
        raw: Any = io.FileIO(number, mode, closefd=False)
        unbuffered = sys.__stdout__.write_through  # type: ignore[union-attr]
        if number == 0 or not unbuffered:
            raw = io.BufferedReader(raw) if number == 0 else io.BufferedWriter(raw)
        stream = io.TextIOWrapper(raw, "utf-8", errors, line_buffering=lines, write_through=unbuffered)
        setattr(sys, name, stream)
