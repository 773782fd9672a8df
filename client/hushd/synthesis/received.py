"""The pieces of a sound as they were received, to be read again: in memory first and then in a file nobody else can
open."""

from __future__ import annotations

from typing import NamedTuple

from hushd_protocol.errors import HushdError

from hushd.transport.overflow import Overflow

RAW = "s16le"  # the format of samples
MEMORY = 8 * 1024 * 1024  # bytes kept in memory: three minutes of speech


class Piece(NamedTuple):
    """A part of a sound file and its offset in the file; None: right after the part before it."""

    data: bytes
    offset: int | None


class _OnDisk(NamedTuple):
    place: int  # in the temporary file
    length: int
    offset: int | None


class Received:
    """A list of pieces that grows at its end.

    Args:
        keep: whether a piece can be taken more than once; False: it is forgotten when it is taken.
    """

    def __init__(self, keep: bool = True, memory: int = MEMORY) -> None:
        self._keep = keep
        self._pieces: list[Piece | _OnDisk | None] = []
        self._room = memory
        self._file = Overflow("speech", ": make room, set TMPDIR, or synthesize it with keep=False")

    def __len__(self) -> int:
        return len(self._pieces)

    def add(self, piece: Piece) -> None:
        """Appends a piece.

        Raises:
            HushdError: `output_failed` when memory is used up and the temporary file cannot take it.
        """
        if self._keep:
            self._room -= len(piece.data)
        self._pieces.append(piece if self._room >= 0 else self._write(piece))

    def take(self, index: int) -> Piece:
        """Returns a piece.

        Raises:
            HushdError: `bad_request` when it was taken before and is not kept, `output_failed` when the temporary file
                does not give it back.
        """
        piece = self._pieces[index]
        if piece is None:
            raise HushdError("bad_request", "The beginning of this speech is gone: synthesize it without keep=False.")
        if not self._keep:
            self._pieces[index] = None
        if isinstance(piece, _OnDisk):
            return Piece(self._file.read(piece.place, piece.length), piece.offset)
        return piece

    def _write(self, piece: Piece) -> _OnDisk:
        return _OnDisk(self._file.add(piece.data), len(piece.data), piece.offset)
