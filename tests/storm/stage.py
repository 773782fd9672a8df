"""The stage of the storm: private folders, and the processes there."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from hushd_protocol.system import atomic_file

GATEWAY = "hushd_gateway"
CONFIGURATION = (
    "[worker]\nkeep_alive = 10\nstart_timeout = 5\nstall_timeout = 3\ndrain_timeout = 5\n"
    '[http]\nlisten = ["127.0.0.1:0"]\n[wyoming]\nlisten = ["tcp://127.0.0.1:0"]\n'
)


class Stage:
    """The folders of one storm, which the clients of this process use too."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hushd-", dir="/tmp"))
        self.run, self.state, self.output, temporary = (
            self.folder / name for name in ("run", "state", "output", "tmp")
        )
        for folder in (self.state, self.output, temporary):
            folder.mkdir(mode=0o700)
        self.configure()
        self.mark = b"HUSHD_RUNTIME_DIR=" + os.fsencode(self.run) + b"\0"
        os.environ |= {
            "HUSHD_RUNTIME_DIR": str(self.run),
            "HUSHD_STATE_DIR": str(self.state),
            "HUSHD_CONFIG": str(self.folder / "config.toml"),
            "HUSHD_AUTOSTART": "1",
            "TMPDIR": str(temporary),
        }

    def close(self) -> None:
        """Ends the processes that are left, and removes the folders."""
        for pid in self.processes():
            self.signal(pid, signal.SIGKILL)
        wait_until(lambda: not self.processes(), 5)
        shutil.rmtree(self.folder, ignore_errors=True)

    def configure(self, more: str = "") -> None:
        """Writes the configuration, whole at any time, with `more` at its end."""
        atomic_file.replace(self.folder / "config.toml", CONFIGURATION + more)

    def is_ours(self, pid: int) -> bool:
        """Returns whether a process was started for our runtime folder."""
        try:
            return self.mark in Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
        except OSError:
            return False  # it has ended, or is somebody else's

    def processes(self) -> list[int]:
        return [int(n) for n in os.listdir("/proc") if n.isdigit() and int(n) != os.getpid() and self.is_ours(int(n))]

    def supervisor(self) -> int | None:
        """The supervisor that holds the lock."""
        try:
            pid = int((self.run / "lock").read_text().partition("\n")[0])
        except (OSError, ValueError):
            return None
        return pid if self.is_ours(pid) else None

    def workers(self) -> list[int]:
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

    def unexpected_files(self) -> list[str]:
        """The files that should be gone once all have left: sockets, parts of outputs, temporary files."""
        files = [path for path in self.folder.rglob("*") if not path.is_dir()]
        return [str(path.relative_to(self.folder)) for path in files if not self._may_stay(path)]

    def _may_stay(self, path: Path) -> bool:
        whole = path.is_relative_to(self.state) and path.suffix not in (".part", ".tmp")
        return whole or path in (self.run / "lock", self.folder / "config.toml")


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    """Returns whether `condition` became true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
