"""JSON, sockets and signals by CPython's C modules alone: all that `relay` needs of `json`, `socket` and `signal`.

Those import regular expressions and enumerations: three megabytes in each session, which lives as long as its host. No
other module of hushd imports private ones, except `hushd_command`, which must not wait for any import.
"""

from __future__ import annotations

from _json import encode_basestring_ascii, make_scanner
from _signal import (  # type: ignore[import-not-found]  # a part of CPython, and of no stubs
    SIG_IGN,
    SIGHUP,
    SIGINT,
    SIGTERM,
    getsignal,
    signal,
)
from _socket import AF_UNIX, SHUT_WR, SOCK_STREAM, socket

__all__ = [
    "AF_UNIX", "SHUT_WR", "SIGHUP", "SIGINT", "SIGTERM", "SIG_IGN", "SOCK_STREAM", "dumps", "getsignal", "loads",
    "signal", "socket",
]  # fmt: skip

TYPE_CHECKING = False  # instead of `typing`'s, whose import takes half a megabyte
if TYPE_CHECKING:
    from typing import Any


class _Form:
    """The attributes of `json.JSONDecoder` that the scanner reads."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int

    @staticmethod
    def parse_constant(name: str) -> None:
        raise ValueError(name)


_scan = make_scanner(_Form)  # type: ignore[arg-type]  # any object with these attributes


def loads(text: str | bytes | bytearray) -> Any:
    """Returns the value of a JSON text. Raises ValueError, also for NaN and Infinity, or RecursionError."""
    stripped = (text if isinstance(text, str) else text.decode()).strip(" \t\r\n")
    try:
        value, end = _scan(stripped, 0)
    except (StopIteration, SystemError):  # up to 3.12 the scanner needs `json.decoder` to raise its own error
        raise ValueError("no JSON") from None
    if end != len(stripped):
        raise ValueError("more than one value")
    return value


def dumps(value: object) -> str:
    """Returns the JSON text of a value from `loads`."""
    if isinstance(value, str):
        text: str = encode_basestring_ascii(value)
        return text
    if isinstance(value, dict):
        return f"{{{','.join(f'{dumps(key)}:{dumps(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(dumps, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)
