"""The machines on which hushd has to hold: each with what it is, and what runs there by night and by day.

A machine is a line here. What is beyond `Bare` (a limit, a mount, another architecture) is a field of it, or another
class with `name`, `about`, `runs`, `by_day` and `entered()`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from . import emulator, group, root, user
from .hidden import Hidden
from .user import Clone


@dataclass(frozen=True)
class Run:
    """One command in the clone.

    Attributes:
        words: the command line.
        limit_s: after which it is ended, and has failed.
        all_tests: it runs all tests, so that `--passed-to` can say which passed.
        ends: exit codes that count as success.
    """

    words: tuple[str, ...]
    limit_s: int = 7200  # of what hangs: beside much other work all tests take an hour, and setting up a quarter of one
    all_tests: bool = False
    ends: tuple[int, ...] = (0,)


class Machine(Protocol):
    """One of the matrix."""

    @property
    def name(self) -> str: ...

    @property
    def about(self) -> str: ...

    @property
    def runs(self) -> tuple[Run, ...]: ...

    @property
    def by_day(self) -> tuple[Run, ...]:
        """Its share of one run of CI, where it is drawn; empty where it is never drawn."""

    def missing(self) -> str:
        """The reason why it cannot be had here; empty when there is none."""

    def entered(self, tree: Path) -> Iterator[Clone]:
        """Gives a clone of the last commit of a tree in there, in which commands run; a context manager."""


@dataclass(frozen=True)
class Bare:
    """A bare Debian in which an ordinary user has a clone.

    Attributes:
        suite: Debian's name of it.
        home: the user's folder.
        umask: the user's.
        environment: the user's, besides HOME and PATH.
        architecture: Debian's name of it, where it is another than this machine's.
        memory_mb: the limit of its control group, which then has one processor; 0 for none.
        arrange: a script that root's shell runs in there once the clone is made, with its folder as `$1`.
    """

    name: str
    about: str
    suite: str
    runs: tuple[Run, ...]
    by_day: tuple[Run, ...] = ()
    home: str = "/home/ann"
    umask: int = 0o022
    environment: Mapping[str, str] = field(default_factory=dict)
    architecture: str = ""
    memory_mb: int = 0
    arrange: str = ""

    def missing(self) -> str:
        return root.missing() or (emulator.missing() if self.architecture else "")

    @contextmanager
    def entered(self, tree: Path) -> Iterator[Clone]:
        with ExitStack() as stack:
            groups = stack.enter_context(group.limited(self.memory_mb)) if self.memory_mb else []
            enter = group.enter(groups) if groups else ()
            inside = stack.enter_context(root.unpacked(root.archive(self.suite, PACKAGES), words=enter))
            user.add(inside, self.home)
            if self.architecture:
                stack.enter_context(emulator.running(self.architecture))
                root.translate(inside, self.suite, PACKAGES, self.architecture)
            clone = user.clone(inside, tree, self.home, self.umask, self.environment)
            for script in (group.seen(groups), self.arrange):
                if script:
                    inside.run("sh", "-euc", script, "arrange", clone.folder)
            yield replace(clone, before=(*enter, *clone.before))


# All that the README asks for, and git, by which a clone is made.
PACKAGES = ("ca-certificates", "git", "python3", "python3-venv")
# More than this and the suite proves too little where nothing of ours is installed.
MOST_SKIPPED = 600
_SIDE_BY_SIDE = ("-n", str(2 * (os.cpu_count() or 1)))

DEMO = Run(("scripts/demo",))
ALL = Run(("scripts/test", *_SIDE_BY_SIDE, "--most-skipped", str(MOST_SKIPPED)), all_tests=True)
# What starts programs from end to end: a machine that is drawn has a quarter of an hour.
END_TO_END = Run(("scripts/test", *_SIDE_BY_SIDE, "tests/end_to_end"))
# The exit codes of errors that say what memory lacks.
TOLD = replace(DEMO, ends=(0, 6, 7))
# Where not even the tree can be written, or a gigabyte is all there is, what scripts/test checks besides has no place.
SETUP = Run(("scripts/setup",))
_ALONE = (".venv/bin/python", "-m", "pytest", "-p", "no:cacheprovider")
_PYTEST = (*_ALONE, *_SIDE_BY_SIDE)
_SECCOMP = ("python3", "tests/machines/seccomp.py")
_OPTIMISED = ("env", "PYTHONOPTIMIZE=2", "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=error")
# Under an emulator, which keeps in a process what it has translated of it, and takes ten times as long.
_SLOW_DEMO = Run(("scripts/demo", "--may-stay", "10"))
_FOREIGN = ("tests/worker", "tests/worker_stt", "tests/worker_tts", "tests/client")
_TIGHT = """
setpriv --reuid=ann --regid=ann --init-groups env HOME=/home/ann sh -euc '
  cd "$1"
  scripts/setup
  .venv/bin/python -P -m compileall -q protocol schema models supervisor  # as an image has it
' setup "$1"
mkdir /run/dev
mount -t tmpfs -o mode=755 tmpfs /run/dev
for device in null zero full random urandom tty; do
  touch /run/dev/$device
  mount --bind /dev/$device /run/dev/$device
done
mkdir /run/dev/pts
mount --rbind /dev/pts /run/dev/pts
ln -s pts/ptmx /run/dev/ptmx
ln -s /proc/self/fd /run/dev/fd
mount --rbind /run/dev /dev
mount -o remount,bind,ro /dev
mount -t tmpfs -o noexec,nosuid,nodev,mode=1777 tmpfs /tmp
mount -t proc -o hidepid=2 proc /proc
[ ! -d /proc/pressure ] || mount -t tmpfs -o ro tmpfs /proc/pressure
mount -o remount,bind,ro /
"""

MACHINES: dict[str, Machine] = {
    machine.name: machine
    for machine in (
        Bare("debian-12", "a bare Debian 12, Python 3.11", "bookworm", (DEMO, ALL), (DEMO, END_TO_END)),
        Bare("debian-13", "a bare Debian 13, Python 3.13", "trixie", (DEMO, ALL)),  # each run of CI has all of it
        Bare("debian-sid", "a bare Debian sid, Python 3.14", "sid", (DEMO, ALL), (DEMO, END_TO_END)),
        Bare(
            "user", "a home with a space and an é, umask 077, LC_ALL=C", "trixie", (DEMO, ALL), (DEMO, END_TO_END),
            home="/home/Renée Roux", umask=0o077, environment={"LC_ALL": "C"},
        ),
        Bare(
            "aarch64", "a bare Debian 13 of another architecture, under qemu-user", "trixie",
            (_SLOW_DEMO, Run(("scripts/test", "--quick")), Run((*_PYTEST, *_FOREIGN), limit_s=14400)),
            architecture="arm64",
            # qemu's own choice has vectors of 2,048 bits, with which OpenBLAS's products of matrices are wrong.
            environment={"QEMU_CPU": "neoverse-n1"},
        ),
        Bare(
            "small", "a control group of one processor and 1 GB", "trixie",
            # Four processes of pytest side by side would leave the workers too little of it.
            (DEMO, Run((*_ALONE, "tests/end_to_end"))), (DEMO,), memory_mb=1024,
        ),
        Bare(
            "smaller", "the same and 512 MB: it works, or says in a sentence how much memory lacks", "trixie",
            (TOLD,), (TOLD,), memory_mb=512,
        ),
        Bare(
            "tight", "a container's: read-only, /tmp noexec, no /dev/shm, nothing to see of others, seccomp", "trixie",
            (
                Run((*_SECCOMP, *DEMO.words)),
                Run((*_SECCOMP, *_PYTEST, "tests/end_to_end", "tests/supervisor")),
            ),
            (Run((*_SECCOMP, *DEMO.words)),), arrange=_TIGHT,
        ),
        Bare(
            "optimised", "python -OO, no byte code written, each warning an error", "trixie",
            (
                SETUP, Run((*_OPTIMISED, *DEMO.words)),
                # Pytest warns of -O itself, which is ignored.
                Run((*_OPTIMISED, *_PYTEST, "-Wignore:assertions not in test modules", "tests/supervisor/core")),
            ),
            (SETUP, Run((*_OPTIMISED, *DEMO.words))),
        ),
        Hidden("hidden", "this machine, its optional programs and libraries out of sight", (ALL,)),
    )
}  # fmt: skip


def drawn(commit: str) -> Machine:
    """The machine that CI runs besides for a commit: always the same one for the same commit."""
    machines = [machine for machine in MACHINES.values() if machine.by_day]
    return machines[int(commit, 16) % len(machines)]
