"""A real memory cgroup, where this machine lets us make one."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from hushd_protocol.system.cgroup import Cgroup
from support.peer import wait_until


class MemoryGroup:
    """A group below our own. `command(limit)` begins a command line that runs the rest of it inside.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self) -> None:
        own = Cgroup.own()
        if not own.folders:
            raise OSError("there are no memory cgroups here")
        self.version = own.version
        self.folder = own.folders[0] / f"hushd-test-{os.getpid()}"
        self.folder.mkdir()
        try:
            self.limit(1 << 40)
        except OSError:  # version 2 does not hand memory on below a group that has processes
            self.folder.rmdir()
            raise

    def limit(self, size: int) -> None:
        if self.version == 2:
            (self.folder / "memory.max").write_text(str(size))
            swap = self.folder / "memory.swap.max"
            if swap.exists():
                swap.write_text("0")
            return
        both = [self.folder / name for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")]
        if int(both[0].read_text()) < size:  # with swap it is never less than without
            both.reverse()
        for limit in filter(Path.exists, both):
            limit.write_text(str(size))

    def command(self, size: int) -> list[str]:
        """The words before a command that run it in this group, with a limit of `size` bytes."""
        self.limit(size)
        enter = f"open({str(self.folder / 'cgroup.procs')!r}, 'w').write(str(__import__('os').getpid()))"
        return [sys.executable, "-S", "-c", f"{enter}; import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"]

    def pids(self) -> list[int]:
        return [int(pid) for pid in (self.folder / "cgroup.procs").read_text().split()]

    def close(self) -> None:
        """Ends whatever is left in it, and removes it."""
        wait_until(self._is_removed, f"the end of {self.folder}")

    def _is_removed(self) -> bool:
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            self.folder.rmdir()
        except OSError:  # a process that was killed a moment ago
            return False
        return True
