"""A template: a process that has imported an engine's libraries, and perhaps loaded a model, and forks workers.

The supervisor sends each start as one message on a socket: the worker's command line and its whole environment as JSON,
with the descriptors of its log and its lifeline. The answer is the worker's pid, and the worker begins once the
supervisor has said so: one that was forked too late is not wanted any more. Linux only.

A worker is forked twice, by a process in between that ends at once: so it becomes the child of the supervisor, which
adopts orphans, and its exit is seen, waited for and killed like that of any worker. Nothing is forked beside threads: a
lock that another thread holds would stay locked in the child for ever.
"""

from __future__ import annotations

import ctypes  # for `_retitle`: imported once, before any fork
import gc
import importlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeVar

from hushd_protocol.errors import HushdError
from hushd_protocol.standby import GO, READY, REFUSED, VARIABLE
from hushd_protocol.system import lifeline
from hushd_protocol.system.own_modules import replaced
from hushd_protocol.system.trace import mark

from . import usage

if TYPE_CHECKING:
    import argparse

LARGEST = 1 << 20  # bytes of a message
SETTLE_S = 2.0  # for threads of a load that have done their work, and only end
_EXIT_REFUSED = 78
_FINAL = "unsupported", "engine_missing"
_ARGUMENTS = slice(45, 47)  # after the name of the program in /proc/self/stat: where its arguments begin and end


class Templated(Protocol):
    """A worker whose model a template may hold."""

    def template_files(self) -> Sequence[Path]:
        """Returns the files of its model. Raises `HushdError` where a template must not hold it."""

    def load_ahead(self) -> None:
        """Loads its model, for the workers that will be forked."""


W = TypeVar("W", bound=Templated)


def forked(
    parser: argparse.ArgumentParser,
    options: argparse.Namespace,
    make: Callable[[str, str], W],
    preload: Callable[[str], object],
) -> W:
    """Serves as a template; returns the worker in each process that is forked from it.

    Args:
        parser: of a worker's command line; `options` are those of the template: with a model it is loaded here.
        make: takes the names of engine and model.
        preload: imports an engine's libraries.
    """
    if options.model:
        worker = make(options.engine, options.model)
        serve(options.engine, worker.load_ahead, worker.template_files)
    else:
        options = parser.parse_args(serve(options.engine, lambda: preload(options.engine)))
        worker = make(options.engine, options.model)
    mark("worker started")
    return worker


def serve(
    name: str, prepare: Callable[[], object], model_files: Callable[[], Sequence[Path]] | None = None
) -> list[str]:
    """Serves as a template; returns in each worker that is forked, with its arguments.

    Args:
        name: the engine's, for messages.
        prepare: imports, or loads a model.
        model_files: returns the files of that model; where one of them is another later, the template ends.
    """
    control = socket.socket(fileno=int(os.environ.pop(VARIABLE)))
    control.set_inheritable(False)
    life = int(os.environ.pop("HUSHD_LIFELINE"))
    lifeline.arm(life, int(os.environ.pop("HUSHD_SUPERVISOR")))
    os.set_inheritable(life, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        files = model_files() if model_files else ()
        loaded = _states(files)
        prepare()
    except HushdError as error:
        if error.code in _FINAL:
            _refuse(control, error.message)
        raise SystemExit(error.message) from error  # the log's last line is the reason, and it may be tried again
    if not _alone():
        _refuse(control, _why_threads(name, loads=model_files is not None))
    if model_files:
        usage.loaded_before_fork()
    gc.collect()
    gc.freeze()  # a collection would write to every object, and so copy its page
    control.send(READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, LARGEST, 2)
        if not message or threads() > 1:
            os._exit(0)
        if _states(files) != loaded:
            _refuse(control, "a file of its model is another now")
        if replaced():
            _refuse(control, "hushd was updated")
        if worker := _fork(control, message, descriptors):
            os.close(life)
            return worker
        for descriptor in descriptors:
            os.close(descriptor)


def import_all(*modules: str) -> None:
    """Imports modules, for an engine's `preload`."""
    for module in modules:
        importlib.import_module(module)


def _alone() -> bool:
    """Returns whether this process has one thread, once those have ended that are about to."""
    end = time.monotonic() + SETTLE_S
    while threads() > 1:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _why_threads(name: str, *, loads: bool) -> str:
    if not loads:
        return f"{name} cannot be kept on standby: its libraries start threads when they are imported."
    return (
        f"{name} cannot be kept on standby with its model: that is loaded by more than one thread here. "
        'OMP_NUM_THREADS = "1" in its `environment` may change this.'
    )


def _states(files: Sequence[Path]) -> list[tuple[int, int, int] | None]:
    """Tells a file from one that has taken its place, for each; None for one that has gone."""
    states: list[tuple[int, int, int] | None] = []
    for file in files:
        try:
            status = file.stat()
            states.append((status.st_ino, status.st_size, status.st_mtime_ns))
        except OSError:
            states.append(None)
    return states


def threads() -> int:
    """The threads of this process."""
    return len(os.listdir("/proc/self/task"))


def _refuse(control: socket.socket, reason: str) -> NoReturn:
    control.send(REFUSED + reason.encode()[:1000])
    os._exit(_EXIT_REFUSED)


def _fork(control: socket.socket, message: bytes, descriptors: list[int]) -> list[str]:
    """Forks a worker, answers with its pid, or 0, and lets it begin; returns the worker's arguments in the worker."""
    answer_read, answer_write = os.pipe()
    gate_read, gate_write = os.pipe()
    between = os.fork()
    if between == 0:
        pid = _fork_or_leave()
        if pid:
            with suppress(OSError):
                os.setpgid(pid, pid)
            os.write(answer_write, b"%d" % pid)
            os._exit(0)
        for descriptor in (answer_read, answer_write, gate_write):
            os.close(descriptor)
        control.close()
        return _become(message, descriptors, gate_read)
    os.waitpid(between, 0)  # from now on the worker is the supervisor's child
    os.close(answer_write)
    os.close(gate_read)
    with suppress(OSError):  # the supervisor has given up on us
        control.send(os.read(answer_read, 20) or b"0")
        if control.recv(LARGEST) == GO:
            os.write(gate_write, b".")
    os.close(answer_read)
    os.close(gate_write)
    return []


def _fork_or_leave() -> int:
    """The second fork, in the process in between, which leaves where there is no process to be had."""
    try:
        return os.fork()
    except OSError:
        os._exit(1)


def _become(message: bytes, descriptors: list[int], gate: int) -> list[str]:
    """Makes a forked process what a worker is that was started; returns its arguments."""
    with suppress(OSError):  # the process in between does it too: whoever comes first
        os.setpgid(0, 0)
    if len(descriptors) != 2 or not os.read(gate, 1):
        os._exit(1)  # the template has died, or nobody waits for this process any more
    os.close(gate)
    log, life = descriptors
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    start = json.loads(message)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(start["environment"] | {"HUSHD_LIFELINE": str(life)})
    usage.forked = True
    command: list[str] = start["command"]
    _retitle(command)
    return command[command.index("--engine") :]  # whatever program is before it: this process is one already


def _retitle(command: list[str]) -> None:
    """Shows the worker's command line in lists of processes, where the template's has room for it.

    As setproctitle does: the kernel takes a text up to its first 0, unless the last byte of the arguments is one.
    """
    title = " ".join(command).encode() + b"\0"
    with suppress(OSError, ValueError):
        with open("/proc/self/stat", "rb") as file:
            begin, end = map(int, file.read().rpartition(b")")[2].split()[_ARGUMENTS])
        if len(title) < end - begin:
            ctypes.memmove(begin, title.ljust(end - begin), end - begin)
