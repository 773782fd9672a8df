"""The error for a recording that cannot be stored."""

from __future__ import annotations

import errno

from hushd_protocol.errors import HushdError


def failure(error: OSError) -> HushdError:
    """Returns `server_busy` if too many files are open, which passes by itself; else `output_failed`."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return HushdError(
            "server_busy",
            "The recording cannot be stored, since too many files are open: ask again in a moment.",
        )
    return HushdError(
        "output_failed", f"The recording cannot be stored ({error.strerror}): make room in the temporary folder."
    )
