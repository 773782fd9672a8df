"""A Debian 12 with nothing but Python, in which a test's programs run as root beside no service manager."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

# As this machine reaches Debian and the package index, so does the other.
_OURS = ("/usr/local/share/ca-certificates", "/etc/pip.conf")
_PACKAGES = "ca-certificates,python3-venv"
_LIMIT_S = 900
# The first process of its namespace: the kernel reaps for it, ends all others with it, and takes the mounts away.
_FIRST = """
import os, signal, subprocess, sys
root, *shared = sys.argv[1:]
for path in ("/dev", *shared):
    os.makedirs(root + path, exist_ok=True)
    subprocess.run(["mount", "--rbind", path, root + path], check=True)
subprocess.run(["mount", "-t", "proc", "proc", root + "/proc"], check=True)
os.chroot(root)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
while True:
    signal.pause()
"""


def missing() -> str:
    """The reason why no such Debian can be had here; empty when there is none."""
    if os.geteuid() != 0:
        return "only root can mount and change roots"
    absent = [tool for tool in ("mmdebstrap", "nsenter", "unshare") if shutil.which(tool) is None]
    return f"not installed here: {', '.join(absent)}" if absent else ""


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
    first = subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", sys.executable, "-c", _FIRST, root, *shared],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert first.stdout
        assert first.stdout.readline() == "ready\n"
        (inside,) = psutil.Process(first.pid).children()
        yield ["nsenter", f"--target={inside.pid}", "--mount", "--pid", "--root", f"--wdns={shared[0]}"]
    finally:
        first.kill()
        first.communicate()
