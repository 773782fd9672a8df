"""A Debian 12 with little but Python and systemd, in which a test's programs run as root."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from machines import root
from support.peer import BOUND_S, wait_until

_PACKAGES = ("ca-certificates", "dbus-user-session", "python3-venv", "systemd")
_IN_GROUP = 'echo $$ >"$0/cgroup.procs" && exec "$@"'


def missing() -> str:
    """The reason why no such Debian can be had here; empty when there is none."""
    return root.missing() or ("" if _groups() else "no cgroups of version 2 are mounted here")


def archive() -> Path:
    """Its archive, which may have to be fetched.

    Raises:
        RootError: Debian cannot be reached.
    """
    return root.archive("bookworm", _PACKAGES)


@contextmanager
def entered(archive: Path, *shared: Path) -> Iterator[list[str]]:
    """Gives the words before a command that runs in there; its folder is the first that it shares with this machine."""
    with _group() as group, root.unpacked(archive, *shared, words=("sh", "-c", _IN_GROUP, str(group))) as inside:
        inside.run("mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
        yield inside.before


@contextmanager
def session(inside: Sequence[str]) -> Iterator[None]:
    """Runs a systemd of root as a user meanwhile, by this process's XDG_RUNTIME_DIR; hushd's socket listens."""
    subprocess.run([*inside, "mkdir", "-p", "/run/systemd/system"], check=True, timeout=BOUND_S)  # or it will not run
    systemd = subprocess.Popen(
        [*inside, "sh", "-c", _IN_GROUP, "/sys/fs/cgroup", "/lib/systemd/systemd", "--user"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    command = [*inside, "systemctl", "--user", "is-active", "--quiet", "hushd.socket"]
    try:
        wait_until(
            lambda: not subprocess.run(command, stderr=subprocess.DEVNULL, timeout=BOUND_S).returncode, "a session"
        )
        yield
    finally:
        systemd.kill()  # its nsenter: systemd itself ends with the namespace
        systemd.wait()


def _groups() -> Path | None:
    """The folder of this process's own cgroup, of version 2."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    place = next((words[1] for words in mounts if words[2] == "cgroup2"), None)
    own = re.search(r"^0::(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
    return Path(f"{place}{own[1]}") if place and own else None


@contextmanager
def _group() -> Iterator[Path]:
    """A cgroup for one Debian, whose systemd divides it."""
    groups = _groups()
    assert groups
    group = groups / f"hushd-test-{os.getpid()}"
    group.mkdir()
    try:
        yield group
    finally:
        for folder, _, _ in os.walk(group, topdown=False):
            os.rmdir(folder)
