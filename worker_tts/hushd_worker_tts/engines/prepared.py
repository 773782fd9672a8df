"""Makes files in the cache folder from an engine's package once, so that later starts are faster.

A separate process makes them beside the first speech, with a lower priority. It outlives the worker, which with
`keep_alive = 0` ends before any file is made; it ends with the supervisor, and once memory is critically short. A
confined worker can start none, so it notes what it misses, and the next one has that made before it is confined.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import sys
import time
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hushd_protocol.system import atomic_file, best_effort, footprint, paths
from hushd_protocol.system.cgroup import Cgroup
from hushd_protocol.system.lifeline import TREE
from hushd_protocol.system.paths import user_cache
from hushd_worker import confinement, errors

_NICE = 10
_MOST_CPU_S = 60  # seconds of the processor for one to three seconds of work
_LOOK_S = 1.0  # seconds between two looks at memory and the supervisor
_VERY_LOW = 0.07  # share of memory available below which no file is made: the supervisor's sign of critical pressure
_OLD_S = 30 * 86400.0
_END_BYTES = 1 << 20  # bytes at the end of a source that are hashed
_MOST_NOTES = 4096  # characters


def place(name: str, sources: Iterable[Path], suffix: str) -> Path:
    """Returns the path of a file made from `sources`; its name depends on them, so that an old file is never used.
    Raises OSError if a source is missing, or there is no cache folder."""
    release = "-".join(map(_fingerprint, sources))
    try:
        return user_cache() / f"hushd/{name}-{release}{suffix}"
    except RuntimeError as error:  # the user has no home
        raise FileNotFoundError(name) from error


def keep(path: Path, name: str, make: Callable[[], bytes]) -> None:
    """Writes the result of `make`, completely or not at all, and removes old files that were made from other sources.

    Newer ones stay, since two installations with different releases may be in use.

    Returns at once if another process does that already. Raises OSError if it cannot be written; raised before the work
    if the folder is the cause.
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
    """Returns a file's size and a checksum of its end, so that two installations of the same release share prepared
    files.
    A gzip file ends with the checksum of its content, a model with weights."""
    with open(source, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END_BYTES))
        return f"{size:x}.{zlib.crc32(file.read()):x}"


def make_beside(module: str, word: str) -> None:
    """Starts `python -m module word`, which calls `make_alone`, and returns at once; in a confined process it notes
    that for the next one.

    It has its own process group, and no mark of the worker's (`lifeline.TREE`), since all that has is killed at the
    worker's exit.
    """
    if errors.confined:
        with suppress(OSError), open(_notes(), "a", encoding="utf-8") as notes:
            notes.write(f"{module} {word}\n")
        return
    supervisor = -1  # a descriptor that becomes readable at the supervisor's end
    if sys.platform == "linux":
        with suppress(OSError):
            supervisor = os.pidfd_open(os.getppid())
            os.set_inheritable(supervisor, True)
    command = [sys.executable, "-P", "-m", module, str(supervisor), word]
    # A thread that waits for the end of the process would not be confined with this one, so nobody waits.
    own = {name: value for name, value in os.environ.items() if name != TREE}
    nothing = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    try:
        with suppress(OSError):
            os.posix_spawn(sys.executable, command, own, file_actions=nothing, setpgroup=0)
    finally:
        if supervisor >= 0:
            os.close(supervisor)


def missed() -> set[tuple[str, ...]] | None:
    """Returns the module and word of each file that confined workers have missed, once; None if nothing was ever made,
    as in a fresh installation. A note may be anything: a broken worker may have written it."""
    notes = _notes()
    try:
        lines = atomic_file.read_regular(notes, _MOST_NOTES).decode(errors="replace").splitlines()
        notes.unlink()
    except OSError:
        return set() if next((user_cache() / "hushd").glob("*"), None) else None
    return {tuple(line.split(" ", 1)) for line in lines}


def _notes() -> Path:
    """Returns the file of what a confined worker has missed, in the one folder that it can write and others read."""
    return paths.find().loudness / "missed"


def make_alone(make: Callable[[str], None]) -> None:
    """Calls `make` with this program's last argument, at a low priority, as long as the supervisor runs."""
    supervisor, word = int(sys.argv[1]), sys.argv[2]
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_CPU_S, _MOST_CPU_S))
    signal.signal(signal.SIGALRM, lambda *_: _end_if_unwanted(supervisor))
    signal.setitimer(signal.ITIMER_REAL, _LOOK_S, _LOOK_S)
    with suppress(OSError):
        os.nice(_NICE)
    best_effort.report_to(lambda sentence: print(sentence, file=sys.stderr))
    _confine()
    with suppress(Exception), best_effort.writing(user_cache() / "hushd"):  # the next worker tries again
        make(word)
    os._exit(0)


def _confine() -> None:
    """Gives up what a maker of files does not need: the models may be strangers'."""
    (user_cache() / "hushd").mkdir(parents=True, exist_ok=True)
    share = confinement.of_engine("tts", "hibari", user_cache() / "hushd")
    confined = confinement.Confinement(share and replace(share, before=None))
    confined.close_files()
    confined.close_calls()


def _end_if_unwanted(supervisor: int) -> None:
    """Ends this process if the supervisor has ended, or memory is critically short."""
    unwanted = supervisor >= 0 and bool(select.select([supervisor], [], [], 0)[0])
    with suppress(OSError):
        memory = footprint.machine(Cgroup.own())
        unwanted = unwanted or memory.available < _VERY_LOW * memory.total
    if unwanted:
        os._exit(0)
