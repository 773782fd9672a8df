"""The lists that a user keeps beside the configuration, `words.txt` and `pronunciations.txt`.

Whoever makes a request reads them, and the request carries what they say: a worker opens no file of the user's.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from hushd_protocol.errors import HushdError

REMARK = re.compile(r"(^|\s)#.*")
MAX_CARRIED = 40_000  # bytes of a list in a request, whose header has 64 KiB
_MAX_LIST_BYTES = 1 << 20  # bytes of a file


def text(path: Path) -> str | None:
    """Returns the text of a list; None if there is no such file.
    Raises `input_unreadable` for a file that cannot be read or is not text."""
    try:
        # Nobody waits for a writer, if it is a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            data = file.read(_MAX_LIST_BYTES + 1)
        if len(data) > _MAX_LIST_BYTES:
            raise HushdError(
                "input_unreadable", f"{path} has more than {_MAX_LIST_BYTES >> 20} MB: it is not a word list."
            )
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HushdError("input_unreadable", f"{path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise HushdError("input_unreadable", f"{path} is not text in UTF-8, at byte {error.start}.") from error


def carried(path: Path, name: str) -> dict[str, str]:
    """Returns the parameters by which a request carries a list as it is now: its lines without remarks as `name`, and a
    sentence about a fault of the file as `list_fault`; nothing where there is no list."""
    try:
        lines = [REMARK.sub("", line).rstrip() for line in (text(path) or "").splitlines()]
    except HushdError as error:
        return {"list_fault": error.message}
    whole = "\n".join(lines).rstrip()  # an empty line stays, so that a mistake is found by its number
    if len(whole.encode()) <= MAX_CARRIED:
        return {name: whole} if whole else {}
    first = whole.encode()[: MAX_CARRIED + 1].decode(errors="ignore").rpartition("\n")[0]
    counted = f"only its first {len(first.splitlines())} lines hold"
    fault = f"{path} has more than {MAX_CARRIED // 1000} kB without its remarks: {counted}."
    return {name: first, "list_fault": fault}
