"""A template: a process that has imported an engine's libraries, and forks workers.

The supervisor sends each start as one message on a socket: the worker's command line and its whole environment as JSON,
with the descriptors of its log and its lifeline. The answer is the worker's pid, and the worker begins when the
supervisor confirms, since it does not need a worker that was forked too late. Linux only.

A worker is forked twice, by an intermediate process that ends at once. So it becomes the child of the supervisor, which
adopts orphans, and can watch and kill it like any worker. A process with several threads is not forked: a lock that
another thread holds would stay locked in the child forever.
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
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, TypeVar

from hushd_protocol.errors import HushdError
from hushd_protocol.limits import GO, READY, REFUSED, TEMPLATE_VARIABLE
from hushd_protocol.system import lifeline
from hushd_protocol.system.own_modules import replaced

from . import usage

if TYPE_CHECKING:
    import argparse

MAX_MESSAGE = 1 << 20  # bytes
SETTLE_S = 2.0  # for threads of the imports that have finished their work, and are about to end
_EXIT_REFUSED = 78
_FINAL = "unsupported", "engine_missing"
# Of qemu-user: hushd has started none so far, and the libraries are not to blame.
_STRANGE_THREAD = "a process has a second thread from its start here, as under an emulator of another processor"
_ARGUMENTS = slice(45, 47)  # of /proc/self/stat, after the name: the beginning and end of the arguments


W = TypeVar("W")


def forked(
    parser: argparse.ArgumentParser,
    options: argparse.Namespace,
    make: Callable[[str, str], W],
    preload: Callable[[str], object],
) -> W:
    """Serves as a template; returns the worker in each forked process.

    Args:
        parser: the parser of a worker's command line; `options` are the template's.
        make: makes a worker from the names of engine and model.
        preload: imports an engine's libraries.
    """
    options = parser.parse_args(serve(options.engine, lambda: preload(options.engine)))
    return make(options.engine, options.model)


def serve(name: str, prepare: Callable[[], object]) -> list[str]:
    """Serves as a template; returns in each forked worker, with its arguments.

    Args:
        name: the engine's name, for messages.
        prepare: imports an engine's libraries.
    """
    control = socket.socket(fileno=int(os.environ.pop(TEMPLATE_VARIABLE)))
    control.set_inheritable(False)
    life = int(os.environ.pop("HUSHD_LIFELINE"))
    lifeline.arm(life, int(os.environ.pop("HUSHD_SUPERVISOR")))
    os.set_inheritable(life, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not _alone():
        _refuse(control, f"{name} cannot be kept on standby: {_STRANGE_THREAD}.")
    try:
        prepare()
    except HushdError as error:
        if error.code in _FINAL:
            _refuse(control, error.message)
        raise SystemExit(error.message) from error  # the log's last line has the reason; the start may be tried again
    if not _alone():
        _refuse(control, f"{name} cannot be kept on standby: its libraries start threads at their import.")
    gc.collect()
    gc.freeze()  # a collection would write to every object, and so copy its pages
    control.send(READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE, 2)
        if not message or threads() > 1:
            os._exit(0)
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
    """Returns whether this process has only one thread, after a wait for threads that are about to end."""
    end = time.monotonic() + SETTLE_S
    while threads() > 1:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def threads() -> int:
    """Returns the number of threads of this process."""
    return len(os.listdir("/proc/self/task"))


def _refuse(control: socket.socket, reason: str) -> NoReturn:
    control.send(REFUSED + reason.encode()[:1000])
    os._exit(_EXIT_REFUSED)


def _fork(control: socket.socket, message: bytes, descriptors: list[int]) -> list[str]:
    """Forks a worker, answers with its pid, or 0, and lets it begin; in the worker, returns its arguments."""
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
    with suppress(OSError):  # the supervisor has given up on this template
        control.send(os.read(answer_read, 20) or b"0")
        if control.recv(MAX_MESSAGE) == GO:
            os.write(gate_write, b".")
    os.close(answer_read)
    os.close(gate_write)
    return []


def _fork_or_leave() -> int:
    """Forks again in the intermediate process, which exits if that fails."""
    try:
        return os.fork()
    except OSError:
        os._exit(1)


def _become(message: bytes, descriptors: list[int], gate: int) -> list[str]:
    """Sets up a forked process like a started worker; returns its arguments."""
    with suppress(OSError):  # the intermediate process does it, too; either may be first
        os.setpgid(0, 0)
    if len(descriptors) != 2 or not os.read(gate, 1):
        os._exit(1)  # the template has died, or the supervisor does not need this process any more
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
    return command[command.index("--engine") :]  # without the program before it, which this process is already


def _retitle(command: list[str]) -> None:
    """Shows the worker's command line in lists of processes, if it fits into the template's.

    It works like setproctitle: the kernel reads a text up to its first 0, unless the last byte of the arguments is 0.
    """
    title = " ".join(command).encode() + b"\0"
    with suppress(OSError, ValueError):
        with open("/proc/self/stat", "rb") as file:
            begin, end = map(int, file.read().rpartition(b")")[2].split()[_ARGUMENTS])
        if len(title) < end - begin:
            ctypes.memmove(begin, title.ljust(end - begin), end - begin)
