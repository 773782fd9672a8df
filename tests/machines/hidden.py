"""This machine with every program but Python and the base ones, and each optional library, out of sight."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_schema.outside import LIBRARIES

from . import root
from .root import RootError
from .user import Clone

if TYPE_CHECKING:
    from .matrix import Run

# What Debian's essential packages and macOS have, and git: used without asking.
BASE = (
    "basename", "bash", "cat", "chmod", "chown", "cksum", "cmp", "cp", "cut", "date", "dd", "df", "diff", "dirname",
    "echo", "env", "expr", "false", "find", "getconf", "git", "grep", "gzip", "head", "id", "kill", "ldconfig",
    "ln", "ls", "mkdir", "mkfifo", "mktemp", "mount", "mv", "nice", "nohup", "nproc", "od", "printf", "prlimit",
    "ps", "pwd", "readlink", "realpath", "rm", "rmdir", "sed", "seq", "setsid", "sh", "sleep", "sort", "split",
    "stat", "stdbuf", "stty", "sync", "tail", "tar", "tee", "test", "timeout", "touch", "tr", "true", "tty",
    "umount", "uname", "uniq", "unshare", "wc", "which", "xargs", "yes",
)  # fmt: skip
# `ctypes.util.find_library` asks for the loader's cache, and the loader opens the files themselves.
_BLIND = 'while [ "$1" != -- ]; do mount --bind /dev/null "$1"; shift; done; shift; exec "$@"'
_CACHE = "/etc/ld.so.cache"


@dataclass(frozen=True)
class Hidden:
    """This machine, of which no more is to be seen than what hushd may count on: a test fails that uses more."""

    name: str
    about: str
    runs: tuple[Run, ...]
    by_day: tuple[Run, ...] = ()

    def missing(self) -> str:
        return root.missing()

    @contextmanager
    def entered(self, tree: Path) -> Iterator[Clone]:
        with tempfile.TemporaryDirectory(prefix="hushd-machine-", dir="/var/tmp") as made:
            folder, programs = Path(made) / "hushd", Path(made) / "programs"
            done = subprocess.run(["git", "clone", "--quiet", tree, folder], capture_output=True, text=True)
            if done.returncode:
                raise RootError(f"{tree} cannot be cloned: {done.stderr.strip()}")
            programs.mkdir()
            for name in BASE:
                if found := shutil.which(name):
                    (programs / name).symlink_to(found)
            yield Clone(str(folder), folder, tuple(_before(folder, programs)))


def _before(folder: Path, programs: Path) -> Iterator[str]:
    """Yields the words before a command that runs in `folder` and finds these programs alone."""
    yield from ("unshare", "--mount", "sh", "-euc", _BLIND, "hidden", *_libraries(), _CACHE, "--")
    python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    yield from ("env", f"--chdir={folder}", f"PATH={programs}", f"PYTHON={python}", "--unset=PYTHONPATH")


def _libraries() -> Iterator[str]:
    """Yields the files of the libraries in the product's table that are here."""
    listed = subprocess.run(
        ["ldconfig", "-p"], capture_output=True, text=True, env={**os.environ, "PATH": os.defpath + ":/sbin"}
    )
    for line in listed.stdout.splitlines():
        name, _, file = line.strip().partition(" => ")
        if file and name.startswith(tuple(f"lib{library}.so" for library in LIBRARIES)):
            yield file
