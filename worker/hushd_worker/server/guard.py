"""Stands between a worker and its server: `python -IS guard.py CONTROL GROUP GRACE CWD N STOP … COMMAND …`.

It starts the server in the worker's process group, and adopts all that the server leaves behind: wrappers, reloaders
and programs that call `setsid` cannot get away from it. It ends them all, and then itself, once the server has ended,
the worker asks for it, or the worker is dead, which the end of a pipe tells even after SIGKILL.

CONTROL is the pipe's descriptor, GROUP the worker's process group, GRACE the seconds that the server has for its end,
CWD its folder, STOP a command of N words that ends it, else SIGTERM does. Nothing is imported that costs memory: this
process takes 3 MB, as long as the server runs.
"""

from __future__ import annotations

import ctypes
import os
import select
import sys
import time

_PR_SET_CHILD_SUBREAPER = 36  # option of prctl.h; `-IS` finds no module of ours that has it
_SIGKILL, _SIGTERM = 9, 15
_NOT_STARTED = 127
_PROCESSES_LOOK_INTERVAL_S = 0.02  # seconds between two looks at what still runs


def main() -> None:
    control, group, grace_s, cwd, count, *words = sys.argv[1:]
    stop, command = words[: int(count)], words[int(count) :]
    pipe = int(control)
    os.set_inheritable(pipe, False)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.setpgid(0, 0)  # the worker's group is killed with the worker, and this process has work to do then
    server = _start(command, int(group), cwd)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # pipes, whose ends are the server's
        os.dup2(nothing, descriptor)
    if _wait(server, pipe) or stop:
        _end(stop, float(grace_s))
    os._exit(_kill(server))


def _start(command: list[str], group: int, cwd: str) -> int:
    server = os.fork()
    if server:
        return server
    try:
        if group:
            os.setpgid(0, group)
        if cwd:
            os.chdir(cwd)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{error.filename or command[0]}: {error.strerror}\n".encode())
    os._exit(_NOT_STARTED)


def _wait(server: int, pipe: int) -> bool:
    """Waits for the end of the server or the pipe; returns whether there is time for the server to end itself."""
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    if sys.platform == "linux":
        poller.register(os.pidfd_open(server), select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in poller.poll(None if sys.platform == "linux" else 200)]
        if os.waitid(os.P_PID, server, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return False
        if pipe in ready:
            return bool(os.read(pipe, 1))  # nothing: the worker is dead


def _end(stop: list[str], grace_s: float) -> None:
    """Asks all to end, and gives them time."""
    until = time.monotonic() + grace_s
    if stop:
        _start(stop, 0, "")
    else:
        _signal(_SIGTERM)
    while _reap() and time.monotonic() < until:
        time.sleep(_PROCESSES_LOOK_INTERVAL_S)


def _kill(server: int) -> int:
    """Kills all that runs; returns the server's exit status as a shell does."""
    while _reap():
        _signal(_SIGKILL)
        time.sleep(_PROCESSES_LOOK_INTERVAL_S / 4)
    code = os.waitstatus_to_exitcode(_ended[server])
    return code if code >= 0 else 128 - code


_ended: dict[int, int] = {}  # statuses by pid


def _reap() -> bool:
    """Takes the statuses of children that have ended; returns whether any is left."""
    try:
        while (status := os.waitpid(-1, os.WNOHANG))[0]:
            _ended[status[0]] = status[1]
    except ChildProcessError:
        return False
    return True


def _signal(number: int) -> None:
    """Sends a signal to all descendants."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    look = [os.getpid()]
    while look:
        for pid in children.get(look.pop(), []):
            look.append(pid)
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                pass  # it has ended, or became another user


def _parents() -> list[tuple[int, int]]:
    """Returns the pid of each process, and its parent's."""
    if not os.path.isdir("/proc/self"):
        rows = [line.split(None, 2) for line in os.popen("ps -A -o pid=,ppid=,comm=")]
        # The two that ask this very question do not count.
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
