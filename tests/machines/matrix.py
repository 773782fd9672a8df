"""The machines on which hushd has to hold: each a line, with what runs there by night and by day."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import emulator, group, root, user
from .user import Clone

# All that the README asks for, and git, by which a clone is made.
PACKAGES = ("ca-certificates", "git", "python3", "python3-venv")


@dataclass(frozen=True)
class Run:
    """One command in the clone.

    Attributes:
        words: the command line.
        limit_s: after which it is ended, and has failed.
        all_tests: it runs all tests, so that `--passed-to` can say which passed.
    """

    words: tuple[str, ...]
    limit_s: int = 7200  # of what hangs: beside much other work all tests take an hour, and setting up a quarter of one
    all_tests: bool = False


@dataclass(frozen=True)
class Machine:
    """A bare Debian in which an ordinary user has a clone.

    Attributes:
        suite: Debian's name of it.
        runs: what it is for.
        by_day: its share of one run of CI, where it is drawn; empty where it is never drawn.
        home: the user's folder.
        umask: the user's.
        environment: the user's, besides HOME and PATH.
        architecture: Debian's name of it, where it is another than this machine's.
        memory_mb: the limit of its control group, which then has one processor; 0 for none.
        packages: Debian's, all that is there.
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
    packages: tuple[str, ...] = PACKAGES

    def missing(self) -> str:
        """The reason why it cannot be had here; empty when there is none."""
        return root.missing() or (emulator.missing() if self.architecture else "")

    @contextmanager
    def entered(self, tree: Path) -> Iterator[Clone]:
        """Gives a clone of the last commit of a tree in there, in which commands run."""
        with ExitStack() as stack:
            groups = stack.enter_context(group.limited(self.memory_mb)) if self.memory_mb else []
            enter = group.enter(groups) if groups else ()
            inside = stack.enter_context(root.unpacked(root.archive(self.suite, self.packages), words=enter))
            user.add(inside, self.home)
            if self.architecture:
                stack.enter_context(emulator.running(self.architecture))
                root.translate(inside, self.suite, self.packages, self.architecture)
            clone = user.clone(inside, tree, self.home, self.umask, self.environment)
            inside.run("sh", "-euc", group.seen(groups))
            yield replace(clone, before=(*enter, *clone.before))


# More than this and the suite proves too little where nothing of ours is installed.
MOST_SKIPPED = 150
_SIDE_BY_SIDE = ("-n", str(2 * (os.cpu_count() or 1)))

DEMO = Run(("scripts/demo",))
ALL = Run(("scripts/test", *_SIDE_BY_SIDE, "--most-skipped", str(MOST_SKIPPED)), all_tests=True)
_PYTEST = (".venv/bin/python", "-m", "pytest", "-p", "no:cacheprovider")
# What starts programs from end to end, in what the demo has set up: format and types are the same on any machine.
END_TO_END = Run((*_PYTEST, *_SIDE_BY_SIDE, "tests/end_to_end"))
# Runs under an emulator, which keeps in a process what it has translated of it, and takes ten times as long.
_SLOW_DEMO = Run(("scripts/demo", "--may-stay", "10"))
_FOREIGN = Run(
    (*_PYTEST, *_SIDE_BY_SIDE, "tests/worker", "tests/worker_stt", "tests/worker_tts", "tests/reading", "tests/client"),
    limit_s=14400,
)
# Has the environment's Python, and so all that hears, see the processor that qemu plays: libraries choose their kernels
# by it.
_PROCESSOR = """cd .venv/bin
real=$(readlink -f python3)
rm python python3
printf '#!/bin/sh\\nexec qemu-x86_64 -cpu %s -0 "$0" %s "$@"\\n' "$1" "$real" >python3
chmod +x python3
ln -s python3 python
./python -c 'import sys; print(sys.prefix, "on", sys.argv[1])' "$1"
"""
_PLAYED = Run(("sh", "-euc", _PROCESSOR, "sh", "Haswell-noTSX"))
# A second of speech takes two there for the detector and seven for a speech model: the verdicts that numbers decide,
# each with and without a dither, and music, the nearest to speech.
_MARGINS = (*_PYTEST, *_SIDE_BY_SIDE, "--timeout", "3600", "tests/worker_stt/test_margins.py")

MACHINES = {
    machine.name: machine
    for machine in (
        Machine("debian-12", "a bare Debian 12, Python 3.11", "bookworm", (DEMO, ALL), (DEMO, END_TO_END)),
        Machine("debian-13", "a bare Debian 13, Python 3.13", "trixie", (DEMO, ALL)),  # each run of CI has all of it
        Machine("debian-sid", "a bare Debian sid, Python 3.14", "sid", (DEMO, ALL), (DEMO, END_TO_END)),
        Machine(
            "user", "a home with a space and an é, umask 077, LC_ALL=C", "trixie", (DEMO, ALL), (DEMO, END_TO_END),
            home="/home/Renée Roux", umask=0o077, environment={"LC_ALL": "C"},
        ),
        Machine(
            "aarch64", "a bare Debian 13 of another architecture, under qemu-user", "trixie",
            (_SLOW_DEMO, Run(("scripts/test", "--quick")), _FOREIGN), architecture="arm64",
            # qemu's own choice has vectors of 2,048 bits, with which OpenBLAS's products of matrices are wrong.
            environment={"QEMU_CPU": "neoverse-n1"},
        ),
        Machine(
            "haswell", "a processor with AVX2 and without AVX-512, under qemu-user", "trixie",
            (Run(("scripts/setup",)), _PLAYED, Run((*_MARGINS, "tests/worker_stt/test_habits.py"))),
            (Run(("scripts/setup",)), _PLAYED, Run((*_MARGINS, "-k", "decides_nothing"))),
            environment={"HUSHD_DITHERS": "2"}, packages=(*PACKAGES, "qemu-user"),
        ),
        Machine(
            "small", "a control group of one processor and 1 GB", "trixie",
            # Four processes of pytest side by side would leave the workers too little of it.
            (DEMO, Run((*_PYTEST, "tests/end_to_end"))), (DEMO,), memory_mb=1024,
        ),
    )
}  # fmt: skip


def drawn(commit: str) -> Machine:
    """The machine that CI runs besides for a commit: always the same one for the same commit."""
    machines = [machine for machine in MACHINES.values() if machine.by_day]
    return machines[int(commit, 16) % len(machines)]
