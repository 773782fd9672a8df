"""JSON by the C part of `json` alone: the rest of it imports regular expressions, a megabyte in each session."""

from __future__ import annotations

from _json import encode_basestring_ascii, make_scanner

TYPE_CHECKING = False  # the one of `typing`, whose import is another half of a megabyte
if TYPE_CHECKING:
    from typing import Any


class _Form:
    """The attributes that the scanner reads, as `json.JSONDecoder` has them."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int

    @staticmethod
    def parse_constant(name: str) -> None:
        raise ValueError(name)


_scan = make_scanner(_Form)  # type: ignore[arg-type]  # any object with these attributes


def loads(text: str | bytes | bytearray) -> Any:
    """The value of a JSON text. Raises ValueError or RecursionError; NaN and Infinity are none."""
    given = (text if isinstance(text, str) else text.decode()).strip(" \t\r\n")
    try:
        value, end = _scan(given, 0)
    except (StopIteration, SystemError):  # up to 3.12 it has no error to raise where `json.decoder` is not imported
        raise ValueError("no JSON") from None
    if end != len(given):
        raise ValueError("more than one value")
    return value


def dumps(value: object) -> str:
    """The JSON text of what `loads` returns."""
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
    """Returns whether no text in the value has half a character, which cannot be sent."""
    if isinstance(value, str):
        return value.isascii() or value.encode(errors="ignore").decode() == value
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return not isinstance(value, list) or all(map(is_whole, value))
