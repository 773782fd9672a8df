"""Files made once of what an engine's package has, so that each later start is quicker: they are in the cache folder.

A process of its own makes them beside the first speech, and leaves the cores to it. It outlives the worker, which with
`keep_alive = 0` ends before any file is made; it ends with the supervisor, and after ten minutes at the latest.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from hushd_protocol.system import atomic_file, best_effort
from hushd_protocol.system.paths import user_cache

_NICE = 10
_LONGEST_S = 600  # for one to three seconds of work, on a machine that is busy with other things
_OLD_S = 30 * 86400.0
_END = 1 << 20  # bytes of a source


def place(name: str, sources: Iterable[Path], suffix: str) -> Path:
    """Returns the place of a file made of `sources`: its name says of which, so that no old one is ever taken.

    Raises:
        OSError: a source is missing, or there is no cache folder.
    """
    release = "-".join(map(_fingerprint, sources))
    try:
        return user_cache() / f"hushd/{name}-{release}{suffix}"
    except RuntimeError as error:  # a user without a home
        raise FileNotFoundError(name) from error


def keep(path: Path, name: str, make: Callable[[], bytes]) -> None:
    """Writes the file that `make` returns, whole or not at all, and removes those that were made of others long ago.

    Not sooner: two installations with different releases may be in use.

    Returns at once where another process does that already.

    Raises:
        OSError: it cannot be written; where the folder is to blame, before it was made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.parent / f"{name}.lock", "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        atomic_file.replace(path, make())
    for other in path.parent.glob(f"{name}-*{path.suffix}"):
        with suppress(FileNotFoundError):
            if other != path and other.stat().st_mtime < time.time() - _OLD_S:
                other.unlink()


def _fingerprint(source: Path) -> str:
    """Returns the size and a checksum of the end, so that two installations of one release share their files.

    A gzip file ends with the checksum of its content, a model with weights.
    """
    with open(source, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END))
        return f"{size:x}.{zlib.crc32(file.read()):x}"


def make_beside(module: str, *words: str) -> None:
    """Begins to run `python -m module words`, which calls `make_alone`, and returns at once.

    It leads a process group of its own: that of a worker is killed at the worker's exit.
    """
    supervisor = _watched(os.getppid())
    command = [sys.executable, "-P", "-m", module, str(supervisor), *words]
    inherited = (supervisor,) if supervisor >= 0 else ()

    def run() -> None:
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, pass_fds=inherited, process_group=0)
        finally:
            for descriptor in inherited:
                os.close(descriptor)

    threading.Thread(target=run, name="hushd-prepares", daemon=True).start()


def make_alone(make: Callable[[str], None]) -> None:
    """Calls `make` with this program's last argument, with a low priority, for as long as the supervisor runs.

    A process that only waits watches the one that works: no library's hold on the interpreter delays the end.
    """
    supervisor, word = int(sys.argv[1]), sys.argv[2]
    worker = os.fork()
    if worker == 0:
        signal.alarm(_LONGEST_S)  # should the watching process be killed alone
        with suppress(OSError):
            os.nice(_NICE)
        best_effort.report_to(lambda sentence: print(sentence, file=sys.stderr))
        with suppress(Exception), best_effort.writing(user_cache() / "hushd"):  # the next worker tries again
            make(word)
        os._exit(0)
    _wait(worker, supervisor)
    os.kill(worker, signal.SIGKILL)  # not waited for yet, so that no other process has its number


def _watched(process: int) -> int:
    """Returns a descriptor that becomes readable when our parent `process` ends; -1 where there is none."""
    if sys.platform != "linux":
        return -1
    try:
        return os.pidfd_open(process)
    except OSError:
        return -1


def _wait(worker: int, supervisor: int) -> None:
    """Returns once the worker or the supervisor has ended, or the time is up."""
    working = _watched(worker)
    if working < 0:  # macOS
        os.waitid(os.P_PID, worker, os.WEXITED | os.WNOWAIT)
        return
    poller = select.poll()
    for descriptor in (working, supervisor):
        if descriptor >= 0:
            poller.register(descriptor, select.POLLIN)
    poller.poll(_LONGEST_S * 1000)
