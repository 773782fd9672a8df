"""Chunks of samples on their way from the thread that records them to the one that reads them."""

from __future__ import annotations

import queue
from collections.abc import Iterator

from hushd_protocol.errors import HushdError


class Chunks(Iterator[bytes]):
    """Iterates over the chunks that another thread puts, until they are stopped or fail; both last."""

    def __init__(self) -> None:
        self._chunks: queue.SimpleQueue[bytes | HushdError | None] = queue.SimpleQueue()

    def __next__(self) -> bytes:
        chunk = self._chunks.get()
        if isinstance(chunk, HushdError):
            self.fail(chunk)  # for the next call, too
            raise chunk
        if chunk is None:
            self._chunks.put(None)
            raise StopIteration
        return chunk

    def put(self, chunk: bytes) -> None:
        """Adds a chunk."""
        self._chunks.put(chunk)

    def fail(self, error: HushdError) -> None:
        """Ends the iteration with `error`, after the sound recorded until now."""
        self._chunks.put(error)

    def stop(self) -> None:
        """Ends the iteration after the sound recorded until now. Safe in a signal handler."""
        self._chunks.put(None)
