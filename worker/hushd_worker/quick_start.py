"""Makes a worker start sooner: reads its model's files ahead.

From a cold disk, reading is most of a large model's start: runtimes read with one thread, which waits for each block,
or by mapping, which waits for each page. Here two threads make the kernel read into its cache, by `sendfile` to the
null device: nothing is copied, and a thread only needs Python's lock at its beginning and its end. 800 MB took 0.26 s
instead of 0.97 s (read) and 3.8 s (mapped), and 0.02 s when they were in the cache already.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path

_MIN_BYTES = 20_000_000  # bytes of a file; a smaller one is read in less time than the threads take to start
_THREADS = 2  # threads for one file; more were no faster


def read_ahead(files: Iterable[Path]) -> None:
    """Begins to read `files` into the system's cache, and returns at once. The loader will report failures."""
    for file in files:
        with contextlib.suppress(OSError):
            if (size := file.stat().st_size) >= _MIN_BYTES:
                part = -(-size // _THREADS)
                for start in range(0, size, part):
                    _begin(file, start, min(start + part, size))


def _begin(file: Path, start: int, end: int) -> None:
    threading.Thread(target=_read, args=(file, start, end), name="read-ahead", daemon=True).start()


def _read(file: Path, start: int, end: int) -> None:
    # Not every system can send a file to the null device.
    with contextlib.suppress(OSError), file.open("rb") as source, open(os.devnull, "wb") as nowhere:
        while start < end and (sent := os.sendfile(nowhere.fileno(), source.fileno(), start, end - start)):
            start += sent
