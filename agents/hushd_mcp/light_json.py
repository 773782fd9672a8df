"""JSON by only the C part of `json`: the rest imports regular expressions, a megabyte in each session."""

from __future__ import annotations

from _json import encode_basestring_ascii, make_scanner

TYPE_CHECKING = False  # instead of `typing`'s, whose import takes another half megabyte
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


def is_whole(value: object) -> bool:
    """Returns whether no text in the value has a lone surrogate, which cannot be sent."""
    if isinstance(value, str):
        return value.isascii() or value.encode(errors="ignore").decode() == value
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return not isinstance(value, list) or all(map(is_whole, value))
