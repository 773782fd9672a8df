"""Bare Debians: made once and kept as archives, unpacked for each use and entered in namespaces of their own.

Nothing outlives its use, however that ends: a keeper waits for the end of a pipe that this process holds, ends the
namespaces with all processes and mounts in there, and removes the files.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# The other machine reaches Debian and the package index as this one does.
_OURS = ("/etc/hosts", "/etc/resolv.conf", "/etc/pip.conf", "/usr/local/share/ca-certificates")
_TOOLS = ("mmdebstrap", "nsenter", "tar", "unshare")
_FRESH_S = 7 * 86400  # an archive that is older is made again
_LIMIT_S = 1800
# The files of all packages of a minbase; their scripts are not run.
_FILES = ("--variant=extract", "--include=?essential", "--include=?priority(required)")
_NATIVE = """#!/bin/sh
SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
export SSL_CERT_FILE
exec /opt/native/{loader} --library-path /opt/native /opt/native/{name} "$@"
"""
# The first process of its namespace: the kernel reaps for it, ends all others with it, and takes the mounts away.
_FIRST = """
import os, signal, subprocess, sys
(root,) = sys.argv[1:]
outside = os.readlink("/proc/self")
def mount(*words):
    os.makedirs(root + words[-1], exist_ok=True)
    subprocess.run(["mount", *words[:-1], root + words[-1]], check=True, stdin=subprocess.DEVNULL)
mount("--bind", root, "")  # a mount of its own, which can be made read-only
for path in ("/dev", "/sys"):
    mount("--rbind", path, path)
mount("-t", "devpts", "-o", "newinstance,ptmxmode=666,mode=620,gid=5", "devpts", "/dev/pts")
mount("-t", "tmpfs", "-o", "mode=1777", "shm", "/dev/shm")
mount("-t", "proc", "proc", "/proc")
mount("-t", "tmpfs", "tmpfs", "/run")
os.chroot(root)
os.chdir("/")
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print(outside, flush=True)
sys.stdin.read()
"""
_KEEPER = """
if tar --extract --file "$archive" --directory "$root"; then "$@"; fi
rm -rf --one-file-system "$root"
"""


class RootError(Exception):
    """A root cannot be made or entered."""


@dataclass(frozen=True)
class Inside:
    """A Debian that is entered.

    Attributes:
        folder: its root, as seen from outside.
        before: the words before a command that root runs in there.
    """

    folder: Path
    before: list[str]

    def run(self, *words: str | Path) -> None:
        """Has root run a command in there, as if just logged in.

        Raises:
            RootError: it failed.
        """
        done = subprocess.run(
            [*self.before, *_CLEAN, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=_LIMIT_S,
        )  # fmt: skip
        if done.returncode:
            raise RootError(f"{' '.join(map(str, words))}: {done.stdout.strip()}")


PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CLEAN = ("env", "-i", PATH, "HOME=/root")


def missing() -> str:
    """The reason why none can be had here; empty when there is none."""
    if os.geteuid() != 0:
        return "only root can mount and change roots, so run it by sudo"
    absent = [tool for tool in _TOOLS if shutil.which(tool) is None]
    return f"not installed here: {', '.join(absent)}" if absent else ""


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hushd-machines"


def archive(suite: str, packages: Sequence[str], *options: str) -> Path:
    """The archive of a root with these packages, from the cache or made by mmdebstrap with these options.

    Raises:
        RootError: Debian cannot be reached.
    """
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}", *options]
    command += ['--aptopt=Acquire::Check-Valid-Until "false"']  # a mirror of sid may be some weeks behind
    name = f"{suite}-{hashlib.sha256(repr(command).encode()).hexdigest()[:12]}.tar"
    path = cache() / name
    if path.exists() and time.time() - path.stat().st_mtime < _FRESH_S:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    print(f"Making a bare Debian, {suite}; it is kept in {path} …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / name
        done = subprocess.run(
            [*command, suite, made], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LIMIT_S
        )
        if done.returncode:
            raise RootError(f"mmdebstrap made no {suite}: {' '.join(done.stderr.split()[-60:])}")
        made.replace(path)
    return path


def translate(inside: Inside, suite: str, packages: Sequence[str], architecture: str) -> None:
    """Lays another architecture's files over those of a root, where the packages' scripts have run already.

    Under an emulator they take most of an hour, and what they do is the same on each architecture.

    Raises:
        RootError: Debian cannot be reached.
    """
    files = archive(suite, packages, f"--architectures={architecture}", *_FILES)
    shutil.rmtree(inside.folder / f"usr/lib/{platform.machine()}-linux-gnu")
    subprocess.run(["tar", "--extract", "--file", files, "--directory", inside.folder], check=True)
    inside.run("ldconfig")
    if uv := shutil.which("uv"):
        _bring(inside, Path(uv).resolve())


def _bring(inside: Inside, program: Path) -> None:
    """Has a program of this machine run in there as it is, since an emulator makes it ten times slower."""
    folder, command = inside.folder / "opt/native", inside.folder / "usr/local/bin" / program.name
    listed = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    libraries = [word for word in listed.split() if word.startswith("/")]
    if not libraries:  # it is linked statically
        shutil.copy(program, command)
        return
    folder.mkdir()
    for file in (program, *libraries):
        shutil.copy(file, folder)
    loader = Path(libraries[-1]).name
    command.write_text(_NATIVE.format(loader=loader, name=program.name))
    command.chmod(0o755)


@contextmanager
def unpacked(archive: Path, words: Sequence[str] = ()) -> Iterator[Inside]:
    """Enters a Debian of its own, unpacked for this, which reaches the network as this machine does."""
    folder = Path(tempfile.mkdtemp(prefix="hushd-machine-", dir="/var/tmp"))
    folder.chmod(0o755)
    with entered(folder, archive=archive, words=words) as inside:
        for path in map(Path, _OURS):
            copy = folder / path.relative_to("/")
            if path.is_dir():
                shutil.copytree(path, copy, dirs_exist_ok=True)
            elif path.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        inside.run("update-ca-certificates")
        yield inside


@contextmanager
def entered(root: Path, archive: Path, words: Sequence[str] = ()) -> Iterator[Inside]:
    """Unpacks an archive as a root and enters it; the root is removed at last.

    `words` begin the command line of its first process, such as those that put it into a group.

    Raises:
        RootError: it cannot be unpacked or entered.
    """
    unshare = ["unshare", "--mount", "--pid", "--cgroup", "--fork", "--kill-child"]
    keeper = subprocess.Popen(
        ["sh", "-uc", _KEEPER, "keeper", *words, *unshare, sys.executable, "-c", _FIRST, root],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "root": str(root), "archive": str(archive)},
        start_new_session=True,  # Ctrl-C is for this process, whose end is the keeper's
    )  # fmt: skip
    assert keeper.stdin
    assert keeper.stdout
    try:
        pid = keeper.stdout.readline().strip()
        if not pid:
            raise RootError(f"The root cannot be entered: {keeper.communicate()[1].strip()}")
        yield Inside(root, ["nsenter", f"--target={pid}", "--mount", "--pid", "--cgroup", "--root", "--wdns=/"])
    finally:
        keeper.stdin.close()
        keeper.wait()
