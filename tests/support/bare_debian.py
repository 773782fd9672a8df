"""A Debian 12 with little but Python, in which a test's programs run as root, beside a user's systemd if it wants."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from support.peer import BOUND_S, wait_until

# As this machine reaches Debian and the package index, so does the other.
_OURS = ("/usr/local/share/ca-certificates", "/etc/pip.conf")
_PACKAGES = "ca-certificates,dbus-user-session,python3-venv,systemd"
_LIMIT_S = 900
# The first process of its namespace: the kernel reaps for it, ends all others with it, and takes the mounts away.
_FIRST = """
import os, signal, subprocess, sys
root, *shared = sys.argv[1:]
def mount(*words):
    os.makedirs(root + words[-1], exist_ok=True)
    subprocess.run(["mount", *words[:-1], root + words[-1]], check=True)
for path in ("/dev", *shared):
    mount("--rbind", path, path)
mount("-t", "proc", "proc", "/proc")
mount("-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
mount("-t", "tmpfs", "tmpfs", "/run")
os.chroot(root)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
while True:
    signal.pause()
"""
_IN_GROUP = 'echo $$ >"$0/cgroup.procs" && exec "$@"'


def missing() -> str:
    """The reason why no such Debian can be had here; empty when there is none."""
    if os.geteuid() != 0:
        return "only root can mount and change roots"
    absent = [tool for tool in ("mmdebstrap", "nsenter", "unshare") if shutil.which(tool) is None]
    if absent:
        return f"not installed here: {', '.join(absent)}"
    return "" if _groups() else "no cgroups of version 2 are mounted here"


def make(root: Path) -> None:
    """Fetches it into `root`.

    Raises:
        CalledProcessError: Debian cannot be reached.
    """
    hooks = [f"--customize-hook=copy-in {path} {Path(path).parent}" for path in _OURS if Path(path).exists()]
    hooks.append('--customize-hook=chroot "$1" update-ca-certificates')
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={_PACKAGES}", *hooks]
    subprocess.run([*command, "bookworm", str(root)], check=True, capture_output=True, timeout=_LIMIT_S)


@contextmanager
def entered(root: Path, *shared: Path) -> Iterator[list[str]]:
    """Gives the words before a command that runs in there; its folder is the first that it shares with this machine."""
    unshare = ["unshare", "--mount", "--pid", "--cgroup", "--fork", "--kill-child"]
    with _group() as group:
        first = subprocess.Popen(
            ["sh", "-c", _IN_GROUP, group, *unshare, sys.executable, "-c", _FIRST, root, *shared],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert first.stdout
        assert first.stdout.readline() == "ready\n"
        (inside,) = psutil.Process(first.pid).children()
        try:
            yield ["nsenter", f"--target={inside.pid}", "--mount", "--pid", "--cgroup", "--root", f"--wdns={shared[0]}"]
        finally:
            first.kill()
            first.communicate()
            inside.wait(BOUND_S)  # no other process of its namespace is left then


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
