"""Sound that waits for its worker: in memory first, then in an unlinked file.

A WebSocket's pings queue behind the data sent before them. A server that stops reading while a worker starts neither
answers pings nor sees the answers to its own, and after 40 s either end takes the other for dead. So sound is read as
it arrives, up to the file's limit.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import NamedTuple

from hushd.transport.overflow import Overflow
from hushd_protocol.errors import HushdError

MEMORY = 1024 * 1024  # bytes: 20 s of 24 kHz
FILE = 256 * 1024 * 1024  # bytes: an hour and a half


class _Stored(NamedTuple):
    place: int
    length: int


class Backlog:
    """A queue of pieces of sound."""

    def __init__(self) -> None:
        self._pieces: deque[bytes | _Stored] = deque()
        self._in_memory = self._in_file = 0  # bytes
        self._file = Overflow("sound")

    def __len__(self) -> int:
        """The number of pieces."""
        return len(self._pieces)

    def add(self, piece: bytes) -> bool:
        """Adds a piece; returns whether there was room for it."""
        if self._in_memory < MEMORY:
            self._in_memory += len(piece)
            self._pieces.append(piece)
            return True
        if self._in_file + len(piece) > FILE:
            return False
        with suppress(HushdError):  # the disk is full; there is room in memory once the worker has taken some
            self._pieces.append(_Stored(self._file.add(piece), len(piece)))
            self._in_file += len(piece)
            return True
        return False

    def take(self) -> bytes:
        """Removes and returns the first piece.

        Raises:
            HushdError: `output_failed` if the file cannot be read; then nothing is left.
        """
        piece = self._pieces.popleft()
        if isinstance(piece, bytes):
            self._in_memory -= len(piece)
            return piece
        try:
            data = self._file.read(*piece)
        except HushdError:
            self.clear()
            raise
        self._in_file -= piece.length
        if not self._in_file:
            self._file.clear()
        return data

    def clear(self) -> None:
        """Drops all pieces, and the file."""
        self._pieces.clear()
        self._in_memory = self._in_file = 0
        self._file.close()
