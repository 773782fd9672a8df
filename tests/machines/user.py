"""An ordinary user in a bare Debian: nobody's session, no terminal, and a clone of hushd."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .root import PATH, Inside, RootError

NAME = "ann"
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Clone:
    """A clone of hushd in which a user's commands run.

    Attributes:
        folder: its path, for the user.
        outside: the same, from outside.
        before: the words before each of the user's commands.
    """

    folder: str
    outside: Path
    before: tuple[str, ...]

    def run(self, words: Sequence[str], limit_s: float) -> str:
        """Has the user run a command in the clone, with what it prints for all to see; returns why it failed, if so."""
        try:
            code = subprocess.run([*self.before, *words], stdin=subprocess.DEVNULL, timeout=limit_s).returncode
        except subprocess.TimeoutExpired:
            return f"took longer than {limit_s:.0f} s"
        return f"ended with {code}" if code else ""


def add(inside: Inside, home: str) -> None:
    inside.run("useradd", "--create-home", "--home-dir", home, "--shell", "/bin/bash", NAME)


def clone(inside: Inside, tree: Path, home: str, umask: int, environment: Mapping[str, str]) -> Clone:
    """Clones the last commit of a tree as the user, from a repository that lies there for it.

    Raises:
        RootError: it cannot be cloned.
    """
    source = inside.folder / "srv/hushd.git"
    done = subprocess.run(
        ["git", "clone", "--quiet", "--bare", "--no-hardlinks", tree, source], capture_output=True, text=True
    )
    if done.returncode:
        raise RootError(f"{tree} cannot be cloned: {done.stderr.strip()}")
    inside.run("chown", "--recursive", f"{NAME}:", "/srv/hushd.git")
    kept = {name: os.environ[name] for name in _PROXIES if name in os.environ}
    variables = {"HOME": home, "USER": NAME, "LOGNAME": NAME, "SHELL": "/bin/bash", **kept, **environment}
    before = (
        *inside.before, "setpriv", f"--reuid={NAME}", f"--regid={NAME}", "--init-groups",
        "env", "-i", PATH, *(f"{name}={value}" for name, value in variables.items()),
        "sh", "-euc", f'umask {umask:04o}; cd "$HOME"; [ ! -d hushd ] || cd hushd; exec "$@"', "user",
    )  # fmt: skip
    made = Clone(f"{home}/hushd", inside.folder / home.lstrip("/") / "hushd", before)
    if reason := made.run(("git", "clone", "--quiet", "/srv/hushd.git", "hushd"), 300):
        raise RootError(f"git clone {reason}.")
    return made
