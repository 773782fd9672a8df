"""The machines on which hushd has to hold: each with what it is, and what runs there by night and by day.

A machine is a line here. What is beyond `Bare` (a limit, a mount, another architecture) is a field of it, or another
class with `name`, `about`, `runs`, `by_day` and `entered()`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from . import root, user
from .user import Clone


@dataclass(frozen=True)
class Run:
    """One command in the clone.

    Attributes:
        words: the command line.
        limit_s: after which it is ended, and has failed.
        all_tests: it runs all tests, so that `--passed-to` can say which passed.
    """

    words: tuple[str, ...]
    limit_s: int
    all_tests: bool = False


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
    arrange: str = ""

    def missing(self) -> str:
        return root.missing()

    @contextmanager
    def entered(self, tree: Path) -> Iterator[Clone]:
        with root.unpacked(root.archive(self.suite, PACKAGES)) as inside:
            user.add(inside, self.home)
            clone = user.clone(inside, tree, self.home, self.umask, self.environment)
            if self.arrange:
                inside.run("sh", "-euc", self.arrange, "arrange", clone.folder)
            yield clone


# All that the README asks for, and git, by which a clone is made.
PACKAGES = ("ca-certificates", "git", "python3", "python3-venv")
# More than this and the suite proves too little where nothing of ours is installed.
MOST_SKIPPED = 600
_SIDE_BY_SIDE = ("-n", str(2 * (os.cpu_count() or 1)))

DEMO = Run(("scripts/demo",), limit_s=900)
ALL = Run(("scripts/test", *_SIDE_BY_SIDE, "--most-skipped", str(MOST_SKIPPED)), limit_s=3600, all_tests=True)
# What starts programs from end to end: a machine that is drawn has a quarter of an hour.
END_TO_END = Run(("scripts/test", *_SIDE_BY_SIDE, "tests/end_to_end"), limit_s=900)

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
    )
}  # fmt: skip


def drawn(commit: str) -> Machine:
    """The machine that CI runs besides for a commit: always the same one for the same commit."""
    machines = [machine for machine in MACHINES.values() if machine.by_day]
    return machines[int(commit, 16) % len(machines)]
