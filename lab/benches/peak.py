"""Records the highest size of a process during some work."""

from __future__ import annotations

import threading
from contextlib import suppress

import psutil


class Peak(threading.Thread):
    """Follows the size of a process, since the kernel's own peak includes the start."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._over = threading.Event()
        self._highest = 0
        self.start()

    def run(self) -> None:
        with suppress(psutil.Error):
            while not self._over.wait(0.005):
                self._highest = max(self._highest, self._process.memory_info().rss)

    def stop(self) -> float:
        """Ends it, and returns the highest size in MB."""
        self._over.set()
        self.join()
        return self._highest / 1e6
