"""Sound that waits for its worker: in memory first, then in an unlinked file.

A WebSocket's pings queue behind the data sent before them. A server that stops reading while a worker starts neither
answers pings nor sees the answers to its own, and after 40 s either end takes the other for dead. So sound is read as
it arrives, up to the file's limit.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from hushd.transport.spool import Place, Store
from hushd_protocol.errors import HushdError

MEMORY = 1024 * 1024  # bytes: 20 s of 24 kHz
FILE = 256 * 1024 * 1024  # bytes: an hour and a half


class Backlog:
    """A queue of pieces of sound."""

    def __init__(self) -> None:
        self._pieces: deque[bytes | Place] = deque()
        self._size = 0  # bytes
        self._store = Store("sound", MEMORY)

    def __len__(self) -> int:
        """The number of pieces."""
        return len(self._pieces)

    def add(self, piece: bytes) -> bool:
        """Adds a piece; returns whether there was room for it."""
        if self._size + len(piece) > MEMORY + FILE:
            return False
        with suppress(HushdError):  # the disk is full; there is room in memory once the worker has taken some
            self._pieces.append(self._store.put(piece))
            self._size += len(piece)
            return True
        return False

    def take(self) -> bytes:
        """Removes and returns the first piece.

        Raises:
            HushdError: `output_failed` if the file cannot be read; then nothing is left.
        """
        try:
            data = self._store.take(self._pieces.popleft())
        except HushdError:
            self.clear()
            raise
        self._size -= len(data)
        return data

    def clear(self) -> None:
        """Drops all pieces, and the file."""
        self._pieces.clear()
        self._size = 0
        self._store.close()
        self._store = Store("sound", MEMORY)
