"""Bytes for which memory has no room, in a temporary file that nobody else can open."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO

from hushd_protocol.errors import HushdError


class Overflow:
    """A temporary file, made when the first bytes come.

    Args:
        content: of the file, in the sentence of an error: "answer".
        advice: the end of that sentence where the file cannot take more.
    """

    def __init__(self, content: str, advice: str = "") -> None:
        self._content, self._advice = content, advice
        self._file: IO[bytes] | None = None
        self._size = 0

    def __del__(self) -> None:
        self.close()

    def add(self, data: bytes) -> int:
        """Appends bytes; returns their place.

        Raises:
            HushdError: `output_failed` when the temporary folder cannot take them.
        """
        try:
            if self._file is None:
                import tempfile  # costs 10 ms that nearly nobody needs

                self._file = tempfile.TemporaryFile(buffering=0, prefix="hushd-")  # noqa: SIM115 - closed by close
            written = 0
            while written < len(data):
                written += os.pwrite(self._file.fileno(), data[written:], self._size + written)
        except OSError as error:
            raise HushdError(
                "output_failed",
                f"The {self._content} is longer than memory holds and the temporary folder cannot take it "
                f"({error.strerror}){self._advice}.",
            ) from error
        offset, self._size = self._size, self._size + written
        return offset

    def read(self, offset: int, length: int) -> bytes:
        """Returns bytes that were added.

        Raises:
            HushdError: `output_failed` when the temporary folder does not give them back.
        """
        assert self._file is not None
        data = b""
        try:
            while len(data) < length:
                piece = os.pread(self._file.fileno(), length - len(data), offset + len(data))
                if not piece:
                    raise OSError(None, "the file has become shorter")
                data += piece
        except OSError as error:
            raise HushdError(
                "output_failed", f"A part of the {self._content} cannot be read again ({error.strerror})."
            ) from error
        return data

    def clear(self) -> None:
        """Forgets all bytes, and gives their room on the disk back."""
        self._size = 0
        if self._file is not None:
            with suppress(OSError):
                os.ftruncate(self._file.fileno(), 0)

    def close(self) -> None:
        """Removes the file. Safe to call twice."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()
