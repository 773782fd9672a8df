"""Sound that waits for its worker: in memory first, and then in a file nobody else can open.

A WebSocket's pings lie behind what was sent before them. Whoever reads nothing while a worker starts or is slow neither
answers them nor sees the answers to its own, and after 40 s either end takes the other for dead. So sound is read as it
comes, as far as a file may grow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
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
    """Pieces of sound, first in, first out."""

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
        with suppress(HushdError):  # a full disk: there is room in memory once the worker has taken some
            self._pieces.append(_Stored(self._file.add(piece), len(piece)))
            self._in_file += len(piece)
            return True
        return False

    def take(self) -> bytes:
        """Takes the first piece.

        Raises:
            HushdError: `output_failed` when the file does not give it back; then nothing is left.
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

    def put_back(self, pieces: Sequence[bytes]) -> None:
        """Has pieces that were taken come first again, in their order."""
        self._in_memory += sum(map(len, pieces))
        self._pieces.extendleft(reversed(pieces))

    def clear(self) -> None:
        """Drops all, and the file."""
        self._pieces.clear()
        self._in_memory = self._in_file = 0
        self._file.close()
