"""Stands between a worker and its server: `python -IS guard.py SETTINGS COMMAND …`. Of the standard library alone.

It starts the server in the worker's process group, and adopts all that the server leaves behind: wrappers, reloaders
and programs that call `setsid` cannot get away from it. It ends them all, and then itself, once the server has ended,
the worker asks for it, or the worker is dead, which the end of a pipe tells even after SIGKILL.

SETTINGS, as JSON: `control`, the pipe's descriptor; `group`, the worker's; `cwd`; `stop`, a command that ends the
server, or nothing for SIGTERM; `grace_s`, the seconds that the server has for it.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time

_PR_SET_CHILD_SUBREAPER = 36  # of prctl.h
_NOT_STARTED = 127


def main() -> None:
    settings, command = json.loads(sys.argv[1]), sys.argv[2:]
    control = settings["control"]
    os.set_inheritable(control, False)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.setpgid(0, 0)  # the worker's group is killed with the worker, and this process has work to do then
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    server = _start(command, settings["group"], settings["cwd"])
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # pipes, whose ends are the server's
        os.dup2(nothing, descriptor)
    os._exit(_watch(server, control, wake_read, settings["stop"], settings["grace_s"]))


def _start(command: list[str], group: int, cwd: str) -> int:
    server = os.fork()
    if server:
        return server
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if group:
            os.setpgid(0, group)
        if cwd:
            os.chdir(cwd)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{error.filename or command[0]}: {error.strerror}\n".encode())
    os._exit(_NOT_STARTED)


def _watch(server: int, control: int, wake: int, stop: list[str], grace_s: float) -> int:
    """Waits for the end of the server or of the worker; returns the server's exit status as a shell does."""
    status, until = None, 0.0
    poller = select.poll()
    poller.register(wake, select.POLLIN)
    poller.register(control, select.POLLIN)
    while True:
        ready = poller.poll(max(0, (until - time.monotonic()) * 1000) if until else None)
        status = _reap(server, status)
        if until:
            if not _tree() or time.monotonic() >= until:
                break
        elif status is not None:
            break
        elif any(descriptor == control for descriptor, _ in ready):
            asked = os.read(control, 1)
            poller.unregister(control)
            if not (asked or stop):  # the worker is dead
                break
            until = time.monotonic() + grace_s
            if stop:
                _start(stop, 0, "")
            else:
                for pid in _tree():
                    _signal(pid, signal.SIGTERM)
        if any(descriptor == wake for descriptor, _ in ready):
            os.read(wake, 4096)
    while tree := _tree():
        for pid in tree:
            _signal(pid, signal.SIGKILL)
        time.sleep(0.005)
        status = _reap(server, status)
    return 128 + signal.SIGKILL if status is None else status


def _reap(server: int, status: int | None) -> int | None:
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == server:
                code = os.waitstatus_to_exitcode(ended[1])
                status = code if code >= 0 else 128 - code
    except ChildProcessError:
        pass
    return status


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _tree() -> list[int]:
    """Returns the pids of all descendants, ended ones that were not waited for included."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    pids, look = [], [os.getpid()]
    while look:
        more = children.get(look.pop(), [])
        pids += more
        look += more
    return pids


def _parents() -> list[tuple[int, int]]:
    """Returns the pid of each process, and its parent's."""
    if not os.path.isdir("/proc/self"):
        rows = [line.split(None, 2) for line in os.popen("ps -A -o pid=,ppid=,comm=")]
        # Without the two that ask this very question.
        return [(int(pid), int(parent)) for pid, parent, name in rows if name.strip() not in ("ps", "sh")]
    pairs = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                pairs.append((int(name), int(file.read().rpartition(b")")[2].split()[1])))
        except OSError:
            pass  # it has ended
    return pairs


if __name__ == "__main__":
    main()
