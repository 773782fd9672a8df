"""Spools audio to the temporary folder: a file without a name, and one sentence if there is no room."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from hushd_protocol.errors import HushdError


class Spool:
    """A file without a name, which its `file` reads; `close` removes it.

    Raises:
        HushdError: from every method: `output_failed` if the temporary folder has no room.
    """

    def __init__(self) -> None:
        with _reported():
            # Unbuffered, since with a buffer the error of a full disk could come as late as the close.
            self.file: IO[bytes] = tempfile.TemporaryFile(prefix="hushd-", buffering=0)  # noqa: SIM115

    def write(self, data: bytes) -> None:
        """Appends `data`."""
        view = memoryview(data)
        with _reported():
            while view:
                view = view[self.file.write(view) :]


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HushdError(
            "output_failed",
            f"The audio does not fit into {tempfile.tempdir or 'the temporary folder'} ({error.strerror}): "
            "make room, or set TMPDIR.",
        ) from error
