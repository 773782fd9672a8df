"""The stage of the storm: private folders, disks that can be filled, and the processes there with their open files."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
from hushd_protocol.system import atomic_file

TESTS = Path(__file__).parents[1] / "support"
MODELS = "abcdefghij"  # of the good engine: so many workers of each role
SEGMENTS = 30  # of each transcript of the engine `recital`
GATEWAY = "hushd_gateway"
DISK_MB = 4  # of each small file system
MNT_DETACH = 2

# Engines that misbehave, by their name; each is tests/support/fake_worker.py with these flags.
ODD = {
    "crashes": ("--crash-on-job", "3"),
    "dies": ("--late-result",),
    "leaves": ("--exit-zero-unasked",),
    "hangs": ("--hang",),
    "deaf": ("--ignore-cancel", "--ignore-drain"),
    "noisy": ("--garbage",),
    "slow": ("--slow-load", "0.5"),
    "leaks": ("--leak", "24"),
    "parent": ("--grandchild",),
    "silent": ("--no-ready",),
    "segv": ("--segv-at-exit",),
}


def configuration(nice: int = 0) -> str:
    """The configuration: good workers on the real harness (`echo`), misbehaving ones, and short limits.

    Args:
        nice: how far all workers give way to the supervisor.
    """

    def command(script: str, *flags: str) -> str:
        return "command = [" + ", ".join(f"'{part}'" for part in (sys.executable, str(TESTS / script), *flags)) + "]\n"

    echo = command("echo_worker.py", "--slots", "4")
    recital = command("echo_worker.py", "--slots", "4", "--segments", str(SEGMENTS), "--takes", "1.5")
    tables = [
        f"[worker]\nnice = {nice}\nkeep_alive = 10\nstart_timeout = 5\nstall_timeout = 3\ndrain_timeout = 5\n",
        f'[worker."stt/echo"]\n{echo}',
        f'[worker."tts/echo"]\n{echo}',
        f'[worker."stt/kept"]\n{echo}',
        f'[worker."stt/recital"]\n{recital}',
        *(f'[worker."stt/{name}"]\n{command("fake_worker.py", *flags)}' for name, flags in ODD.items()),
        '[worker."stt/leaks/one"]\nmax_pss_mb = 120\n',
    ]
    return "".join(tables)


class Census(NamedTuple):
    """A supervisor's resources at rest."""

    pid: int
    descriptors: Counter[str]  # by what they are
    megabytes: float  # unique to it


class Stage:
    """The folders of one storm, which the clients of this process use too.

    Args:
        more: at the end of every configuration.
        nice: of all workers.
    """

    def __init__(self, more: str = "", nice: int = 0) -> None:
        self._more, self._nice = more, nice
        self.folder = Path(tempfile.mkdtemp(prefix="hushd-", dir="/tmp"))
        self.run, self.state, self.output, self.temporary = (
            self.folder / name for name in ("run", "state", "output", "tmp")
        )
        for folder in (self.state, self.output, self.temporary):
            folder.mkdir(mode=0o700)
        self.configure()
        self.mark = b"HUSHD_RUNTIME_DIR=" + os.fsencode(self.run) + b"\0"
        self._mounted = [folder for folder in (self.state, self.output) if _mount(folder)]
        os.environ |= {
            "HUSHD_RUNTIME_DIR": str(self.run),
            "HUSHD_STATE_DIR": str(self.state),
            "HUSHD_CONFIG": str(self.folder / "config.toml"),
            "HUSHD_AUTOSTART": "1",
            "TMPDIR": str(self.temporary),
        }

    @property
    def small_disks(self) -> bool:
        """Returns whether the folders of logs and of outputs are file systems of their own, which can be filled."""
        return len(self._mounted) == 2

    def close(self, logs: Path | None) -> None:
        """Ends the processes that are left, copies the logs to `logs`, and removes the folders."""
        for pid in self.processes():
            self.signal(pid, signal.SIGKILL)
        wait_until(lambda: not self.processes(), 5)
        if logs:
            shutil.copytree(self.state / "logs", logs, dirs_exist_ok=True)
        for folder in self._mounted:
            _libc().umount2(os.fsencode(folder), MNT_DETACH)
        shutil.rmtree(self.folder, ignore_errors=True)

    def configure(self, more: str = "") -> None:
        """Writes the configuration, whole at any time, with `more` at its end."""
        atomic_file.replace(self.folder / "config.toml", configuration(self._nice) + self._more + more)

    # --- processes ---------------------------------------------------------------------------------------------------

    def is_ours(self, pid: int) -> bool:
        """Returns whether a process was started for our runtime folder."""
        try:
            return self.mark in Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
        except OSError:
            return False  # it has ended, or is somebody else's

    def processes(self) -> list[int]:
        """Our living processes except this one."""
        return [int(n) for n in os.listdir("/proc") if n.isdigit() and int(n) != os.getpid() and self.is_ours(int(n))]

    def supervisor(self) -> int | None:
        """The supervisor that holds the lock."""
        try:
            pid = int((self.run / "lock").read_text().partition("\n")[0])
        except (OSError, ValueError):
            return None
        return pid if self.is_ours(pid) else None

    def workers(self) -> list[int]:
        """The workers that the supervisor has started."""
        return [pid for pid, command in self._children() if GATEWAY not in command]

    def gateway(self) -> int | None:
        """The process that serves HTTP and Wyoming, if there is one."""
        return next((pid for pid, command in self._children() if GATEWAY in command), None)

    def _children(self) -> list[tuple[int, str]]:
        """The supervisor's children and their command lines."""
        pid = self.supervisor()
        found = []
        try:
            children = psutil.Process(pid).children() if pid else []
        except psutil.Error:
            return []
        for child in children:
            try:
                if self.is_ours(child.pid):
                    found.append((child.pid, " ".join(child.cmdline())))
            except psutil.Error:
                pass  # it has just ended
        return found

    def worker(self, pid: int) -> tuple[str, ...]:
        """The names that a worker's process may have: its command line says all but the role."""
        try:
            words = psutil.Process(pid).cmdline()
            engine, model = (words[words.index(flag) + 1] for flag in ("--engine", "--model"))
        except (psutil.Error, ValueError, IndexError):
            return ("machine",)  # one that is not known: whichever it is
        return f"stt/{engine}/{model}", f"tts/{engine}/{model}"

    def age(self, pid: int) -> float:
        """The age of a process in seconds; 0 for one that has ended."""
        try:
            return time.time() - psutil.Process(pid).create_time()
        except psutil.Error:
            return 0.0

    def describe(self, pid: int) -> str:
        """The command line, state and age of a process, in words."""
        try:
            process = psutil.Process(pid)
            return f"{' '.join(process.cmdline())} ({process.status()}, {self.age(pid):.1f} s old)"
        except psutil.Error:
            return "one that has ended meanwhile"

    def signal(self, pid: int, number: int) -> bool:
        """Sends a signal to a process if it is still ours: its number may have been reused."""
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return False
        try:
            if not self.is_ours(pid):
                return False
            signal.pidfd_send_signal(descriptor, number)
            return True
        except OSError:
            return False
        finally:
            os.close(descriptor)

    def census(self, pid: int) -> Census:
        memory = psutil.Process(pid).memory_full_info()
        return Census(pid, descriptors(pid), memory.uss / 1e6)

    # --- files -------------------------------------------------------------------------------------------------------

    def unexpected_files(self) -> list[Path]:
        """The files that should be gone once all have left: sockets, parts of outputs, temporary files."""
        allowed = {self.run / "lock", self.folder / "config.toml"}
        return sorted(
            path
            for path in self.folder.rglob("*")
            if not path.is_dir() and path not in allowed and not self._belongs(path)
        )

    def _belongs(self, path: Path) -> bool:
        """The files that may stay: logs, state, and whole outputs, which the storm removes after a look."""
        return path.is_relative_to(self.state) and path.suffix not in (".part", ".tmp")


def isolate() -> None:
    """Starts this program again in a mount namespace of its own, where that is allowed: no mount outlives it."""
    if os.geteuid() or os.environ.get("HUSHD_CHAOS_ISOLATED") or not shutil.which("unshare"):
        return
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0:
        os.environ["HUSHD_CHAOS_ISOLATED"] = "1"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.orig_argv[1:]])


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    """Returns whether `condition` became true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def descriptors(pid: int) -> Counter[str]:
    """The open files of a process with their counts: paths, and kinds of those without one."""
    found: Counter[str] = Counter()
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[re.sub(r":\[\d+\]$", "", os.readlink(f"/proc/{pid}/fd/{number}"))] += 1
        except FileNotFoundError:
            pass  # that of the listing itself
    return found


def _mount(folder: Path) -> bool:
    """Makes `folder` a small file system, if this process has mounts of its own."""
    if not os.environ.get("HUSHD_CHAOS_ISOLATED"):
        return False
    options = f"size={DISK_MB}m,mode=700".encode()
    return _libc().mount(b"chaos", os.fsencode(folder), b"tmpfs", 0, options) == 0


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
