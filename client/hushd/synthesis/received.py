"""The pieces of a sound as they were received, to be read again."""

from __future__ import annotations

from typing import NamedTuple

from hushd_protocol.errors import HushdError

from hushd.transport.spool import MEMORY, Place, Store

RAW = "s16le"  # the format of samples


class Piece(NamedTuple):
    """A part of a sound file and its offset in the file; None: right after the part before it."""

    data: bytes
    offset: int | None


class Received:
    """The pieces of a sound as they were received, to be read again.

    Args:
        keep: whether a piece can be taken more than once; False: it is forgotten when it is taken.
    """

    def __init__(self, keep: bool = True, memory: int = MEMORY) -> None:
        self._keep = keep
        self._pieces: list[tuple[bytes | Place, int | None] | None] = []
        self._store = Store("speech", memory, ": make room, set TMPDIR, or synthesize it with keep=False")

    def __len__(self) -> int:
        return len(self._pieces)

    def add(self, piece: Piece) -> None:
        """Appends a piece.

        Raises:
            HushdError: `output_failed` when memory is used up and the temporary file cannot take it.
        """
        self._pieces.append((self._store.put(piece.data), piece.offset))

    def take(self, index: int) -> Piece:
        """Returns a piece.

        Raises:
            HushdError: `bad_request` when it was taken before and is not kept, `output_failed` when the temporary file
                does not give it back.
        """
        piece = self._pieces[index]
        if piece is None:
            raise HushdError("bad_request", "The beginning of this speech is gone: synthesize it without keep=False.")
        data, offset = piece
        if self._keep:
            return Piece(self._store.get(data), offset)
        self._pieces[index] = None
        return Piece(self._store.take(data), offset)
