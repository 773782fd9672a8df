"""The pieces of a sound as they were received, to be read again: in memory first and then in a file nobody else can
open."""

from __future__ import annotations

import os
from typing import IO, NamedTuple

from hushd_protocol.errors import HushdError

RAW = "s16le"  # the format of samples
MEMORY = 8 * 1024 * 1024  # bytes kept in memory: three minutes of speech


class Piece(NamedTuple):
    """A part of a sound file and its place in the file; None: behind what came before."""

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
        self._file: IO[bytes] | None = None
        self._size = 0  # of the file

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

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
            HushdError: `bad_request` when it was taken before and is not kept.
        """
        piece = self._pieces[index]
        if piece is None:
            raise HushdError("bad_request", "The beginning of this speech is gone: synthesize it without keep=False.")
        if not self._keep:
            self._pieces[index] = None
        if isinstance(piece, _OnDisk):
            assert self._file is not None
            return Piece(os.pread(self._file.fileno(), piece.length, piece.place), piece.offset)
        return piece

    def _write(self, piece: Piece) -> _OnDisk:
        try:
            if self._file is None:
                import tempfile  # costs 10 ms that nearly nobody needs

                self._file = tempfile.TemporaryFile(prefix="hushd-")  # noqa: SIM115 - closed by __del__
            self._file.seek(self._size)
            self._file.write(piece.data)
            self._file.flush()
        except OSError as error:
            raise HushdError(
                "output_failed",
                f"The speech is longer than memory holds and the temporary folder cannot take it ({error.strerror}): "
                "make room, set TMPDIR, or synthesize it with keep=False.",
            ) from error
        written = _OnDisk(self._size, len(piece.data), piece.offset)
        self._size += written.length
        return written
