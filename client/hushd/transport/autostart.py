"""Finding the supervisor, and starting one when none runs.

A plain connect decides whether one runs: a ZeroMQ socket connected to a stale path reports nothing. The lock is the
supervisors' own business. Two programs may start two of them at the same moment: the one that does not get the lock
sees the other answer, and exits. The clients of one program start one at a time, and look again before.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.system import best_effort, pointer
from hushd_protocol.system.log_files import text_of
from hushd_protocol.system.paths import Paths, make_state, prepare_runtime

from .waiting import take_lock

# Seconds from the spawn to the byte that says it is ready. That takes about 0.1 s, but a supervisor waits 10 s for one
# that still finishes its last jobs, and then says so; one beside busy programs takes seconds. Its end is noticed at
# once.
START_TIMEOUT_S = 30.0
OTHER_START_LOOK_INTERVAL_S = 0.02  # seconds between two looks whether another one is faster
MAX_STARTS = 2  # one that ends without a word was killed by another program, or for its memory
# Characters of the log's last line in an error: a sentence may list every key of the configuration.
MAX_LAST_LINE_CHARACTERS = 2000

# A spawn holds the interpreter's lock until the new process runs: a hundred clients that lose their supervisor at once,
# and started one each, would hold up all other threads of the program, and wait for each other.
_turn = threading.Lock()

# The shell runs the command in the background and ends at once, so that init and not we will be the parent. Nothing is
# expanded.
_DETACH = 'cd / && "$@" &'
# A service manager's words to our own process, and a worker's mark, are not meant for the supervisor.
_PRIVATE = (
    "HUSHD_WORKER_TREE",
    "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "LISTEN_PIDFDID", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
    "XPC_SERVICE_NAME",
)  # fmt: skip


def running(paths: Paths) -> bool:
    """Returns whether a supervisor listens on the client socket. Raises `no_supervisor` when the socket cannot be used,
    other than because nobody listens."""
    cannot = os_errors_as("no_supervisor", f"The socket {paths.client_socket} cannot be used")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, cannot:
        try:
            probe.connect(os.fspath(paths.client_socket))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


def find(paths: Paths) -> Paths | None:
    """Returns the paths of a supervisor that listens: `paths`, or those that its pointer names; else None.

    Raises as `running` does.
    """
    if running(paths):
        return paths
    elsewhere = pointer.follow(paths)
    return elsewhere if elsewhere and running(elsewhere) else None


def ensure(paths: Paths, *, start: bool = True, expected: str = "") -> Paths:
    """The paths of a supervisor that listens, which was started where there was none, with an `expected` line of its
    pipe of requests. Raises `no_supervisor` when there is none and none shall be started (`start`, HUSHD_AUTOSTART=0),
    or when it did not start."""
    if running_paths := find(paths):
        return running_paths
    if not start:
        raise HushdError("no_supervisor", "No supervisor is running: the next `say` or `listen` starts one.")
    if os.environ.get("HUSHD_AUTOSTART") == "0":
        raise HushdError(
            "no_supervisor", "No supervisor is running and HUSHD_AUTOSTART is 0: start one with `hushd serve`."
        )
    with best_effort.writing(paths.logs):
        make_state(paths)
    log = os.fspath(paths.supervisor_log)
    log_size = os.path.getsize(log) if os.path.exists(log) else 0
    for _ in range(MAX_STARTS):
        with _our_turn():
            ready = find(paths) is not None or _start(paths, log, expected)
        if running_paths := find(paths):  # perhaps not the one we started, but the winner of a race
            return running_paths
        if ready:
            return paths  # it has left already, as the caller will notice
        line = _last_line(log, log_size)
        if line or ready is None:
            break
    reason = f" ({line})" if line else ""
    advice = f"see {log}" if _is_writable(log) else f"`hushd serve` shows why, since {log} cannot be written"
    raise HushdError("no_supervisor", f"The supervisor did not start{reason}: {advice}.", detail={"log": log})


def begin(paths: Paths, expected: str = "") -> None:
    """Starts a supervisor on a thread, for a program that imports its client meanwhile; whoever connects waits for it,
    tries again what the system has refused here, and reports its failure. `expected`: as in `ensure`."""

    def start() -> None:
        with suppress(HushdError, OSError):
            prepare_runtime(paths)
            ensure(paths, expected=expected)

    with suppress(RuntimeError):  # the system has no thread left
        threading.Thread(target=start, name="autostart", daemon=True).start()


def _start(paths: Paths, log: str, expected: str) -> bool | None:
    """Starts a supervisor; returns whether one became ready, this or another one, None while none has in time."""
    ready, report = os.pipe()
    try:
        try:
            with os_errors_as("no_supervisor", "The supervisor could not be started"):
                _spawn(log, report, expected)
        finally:
            os.close(report)
        waiting = select.poll()  # `select.select` takes no descriptor beyond 1023
        waiting.register(ready, select.POLLIN)
        # Looks, not seconds: while we stood still, so perhaps did it.
        for _ in range(round(START_TIMEOUT_S / OTHER_START_LOOK_INTERVAL_S)):
            if waiting.poll(1000 * OTHER_START_LOOK_INTERVAL_S):
                return os.read(ready, 1) != b""  # nothing: it has ended
            if running(paths):
                return True
        return None
    finally:
        os.close(ready)


@contextmanager
def _our_turn() -> Iterator[None]:
    """Waits for another client's start; not for ever, since who held the lock at a fork does not exist in the child."""
    has_turn = take_lock(_turn, START_TIMEOUT_S)
    try:
        yield
    finally:
        if has_turn:
            _turn.release()


def _spawn(log: str, report: int, expected: str) -> None:
    # posix_spawn and a shell for the second fork: forking a program with threads is not safe, and a big one is slow.
    output = log if _is_writable(log) else os.devnull
    number = 3 if report != 3 else 4
    actions: list[tuple[int, int, int] | tuple[int, int] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_DUP2, report, number),
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        # Descriptors that we inherited ourselves, such as the pipe of `x=$(listen a.wav)`, would stay open for the
        # daemon's life.
        *((os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable() if fd > 2 and fd != number),
    ]
    command = [sys.executable, "-P", "-m", "hushd_supervisor", "--auto", "--ready-fd", str(number)]
    environment = {name: value for name, value in os.environ.items() if name not in _PRIVATE}
    environment["HUSHD_EXPECTED"] = expected
    shell = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", _DETACH, "sh", *command],
        environment,
        file_actions=actions,
        setsid=True,
        setsigmask=(),
        setsigdef=(signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ),
    )
    try:
        os.waitpid(shell, 0)
    except ChildProcessError:
        pass  # our program ignores SIGCHLD, so the system has reaped it


def _is_writable(log: str) -> bool:
    """Returns whether the log can be opened; makes it where there is none."""
    with best_effort.writing(log):
        os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
        return True
    return False


def _inheritable() -> list[int]:
    descriptors = []
    limit = os.sysconf("SC_OPEN_MAX")  # posix_spawn refuses to close those beyond it, which a parent may have left
    for name in os.listdir("/dev/fd"):
        try:
            if int(name) < limit and os.get_inheritable(int(name)):
                descriptors.append(int(name))
        except OSError:
            pass  # the descriptor of the listing itself
    return descriptors


def _last_line(log: str, start: int) -> str:
    """Returns the last sentence written to `log` behind the offset `start`.

    Records, and the indented rest of them, are those of another supervisor, which may be about to leave; and so is a
    part of a line, which it was writing then or is writing now.
    """
    try:
        with open(log, "rb") as file:
            if begin := max(start, os.path.getsize(log) - 4096):
                file.seek(begin - 1)
                file.readline()
            lines = file.read().decode(errors="replace").split("\n")[:-1]
    except OSError:
        return ""
    plain = (line for line in reversed(lines) if line.strip() and not line[0].isspace() and text_of(line) == line)
    line = next(plain, "").strip().rstrip(".")
    return line if len(line) <= MAX_LAST_LINE_CHARACTERS else f"{line[:MAX_LAST_LINE_CHARACTERS].rpartition(' ')[0]} …"
