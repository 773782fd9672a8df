"""The failure to store a recording that a program sends."""

from __future__ import annotations

import errno

from hushd_protocol.errors import HushdError


def failure(error: OSError) -> HushdError:
    """Returns `server_busy` where no open file is left, which passes by itself; else `output_failed`."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return HushdError(
            "server_busy",
            "The recording cannot be stored, since as many files are open as may be: ask again in a moment.",
        )
    return HushdError(
        "output_failed", f"The recording cannot be stored ({error.strerror}): make room in the temporary folder."
    )
