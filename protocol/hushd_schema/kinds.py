"""Checks parameters from outside by a table of their kinds; every error is one sentence of one form.

read({"beam_size": 0}, {"beam_size": whole(1, 100)}, "transcribe")
# bad_request: beam_size must be a whole number from 1 to 100, not 0.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import field, fields
from types import MappingProxyType
from typing import Any, NamedTuple

from hushd_protocol import JsonObject, duration
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean, listed, quoted

_MOST_SHOWN = 5


def _unchanged(value: Any) -> Any:
    return value


class Kind(NamedTuple):
    """A kind of parameter: its values and their form.

    Attributes:
        must_be: completes the sentence "NAME must be …".
        fits: whether a value is of this kind.
        make: converts a fitting value into the value to use.
        known: words to suggest instead of a mistyped one.
        form: the kind as a JSON Schema, for programs.
        parse: returns the value of a text at a command line; raises ValueError for an invalid one.
    """

    must_be: str
    fits: Callable[[Any], bool]
    make: Callable[[Any], Any] = _unchanged
    known: tuple[str, ...] = ()
    form: Mapping[str, Any] = MappingProxyType({})
    parse: Callable[[str], Any] = _unchanged

    @property
    def few(self) -> tuple[Any, ...] | None:
        """All values, if they are few enough to list; else None."""
        low, high = self.form.get("minimum"), self.form.get("maximum")
        if self.form.get("type") == "integer" and low is not None and high is not None and high - low < _MOST_SHOWN:
            return tuple(range(low, high + 1))
        return self.known or None


def read(
    given: Mapping[str, Any], kinds: Mapping[str, Kind], operation: str, needed: tuple[str, ...] = ()
) -> JsonObject:
    """Checks parameters and returns them; None counts as left out.
    Raises `bad_request` for a name that is not in `kinds`, a value that does not fit, or a missing one of `needed`."""
    for name in given:
        if name not in kinds:
            hint = did_you_mean(name, kinds) or f": it takes {listed(kinds)}"
            raise HushdError("bad_request", f"{operation} has no parameter {quoted(name)}{hint}.")
    checked = {name: check(name, value, kinds[name]) for name, value in given.items() if value is not None}
    for name in needed:
        if name not in checked:
            raise HushdError("bad_request", f"{operation} needs {name}, which must be {kinds[name].must_be}.")
    return checked


def table(content: Mapping[str, Any], kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Checks the content of a user's file, or of a table in it, and returns it.
    Raises `bad_request` for a key that is not in `kinds`, or a value that does not fit."""
    for key in content:
        if key not in kinds:
            hint = did_you_mean(key, kinds) or f": the keys are {listed(kinds)}"
            raise HushdError("bad_request", f"there is no key {quoted(key)}{hint}.")
    return {key: check(key, value, kinds[key]) for key, value in content.items()}


def entry(kind: Kind, default: object) -> Any:
    """A field of a record whose values are a user's file's: its kind, and what it is where the file has none."""
    return field(default_factory=lambda: default, metadata={"kind": kind})


def of(record: type) -> dict[str, Kind]:
    """Returns the kinds of the keys of a file, from the class of its record."""
    return {each.name: each.metadata["kind"] for each in fields(record) if each.metadata}


def check(name: str, value: object, kind: Kind) -> Any:
    """Checks `value` and returns it as `kind` converts it.
    Raises `bad_request`, in the form `NAME must be WANTED, not VALUE.`"""
    if not kind.fits(value):
        meant = did_you_mean(value, kind.known)
        raise HushdError("bad_request", f"{name} must be {kind.must_be}, not {quoted(value)}{meant}.")
    return kind.make(value)


def from_text(text: str, kind: Kind) -> Any:
    """Returns the value of `text` at a command line.

    Raises:
        ValueError: a text such as "must be a whole number from 1 to 100, not 'x'".
    """
    try:
        value = kind.parse(text)
        if kind.fits(value):
            return kind.make(value)
    except ValueError:
        pass
    raise ValueError(f"must be {kind.must_be}, not {quoted(text)}{did_you_mean(text, kind.known)}")


def flag() -> Kind:
    """A flag: true or false, but not 1 or "yes"."""
    return Kind("true or false", lambda value: isinstance(value, bool), form={"type": "boolean"}, parse=_truth)


def whole(low: float, high: float = math.inf) -> Kind:
    """A whole number; 2.0 and True are refused."""
    return Kind(
        f"a whole number{_range(low, high)}",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
        form={"type": "integer", **_bounds(low, high)},
        parse=int,
    )


def number(low: float, high: float = math.inf) -> Kind:
    """A finite number, converted to a float; True is refused."""
    return Kind(
        f"a number{_range(low, high)}",
        lambda value: is_number(value) and low <= value <= high,
        float,
        form={"type": "number", **_bounds(low, high)},
        parse=float,
    )


def above_zero() -> Kind:
    """A finite number above 0, converted to a float."""
    return Kind(
        "a number above 0", lambda value: is_number(value) and value > 0, float, form={"type": "number"}, parse=float
    )


def seconds(low: float = 0.0) -> Kind:
    """A length of time, as a number of seconds or with units; converted to seconds."""
    bound = f" of {low:g} s or more" if low >= 0 else ""
    return Kind(
        f'a time{bound}, such as 90, "90s" or "1h30m"',
        lambda value: (parsed := duration.parse(value)) is not None and parsed >= low,
        duration.parse,
        form={"type": ["number", "string"], "format": "duration"},
    )


def span_s(low: int, high: int) -> Kind:
    """The shortest and the longest of something, in seconds, converted to floats."""
    return Kind(
        f"[shortest, longest] in seconds, from {low} to {high}",
        lambda value: (
            isinstance(value, list)
            and len(value) == 2
            and all(map(is_number, value))
            and low <= value[0] <= value[1] <= high
        ),
        lambda value: tuple(map(float, value)),
    )


def text(longest: int | None = None, *, empty: bool = True) -> Kind:
    """Text of at most `longest` characters."""
    bound = f" of at most {longest} characters" if longest else ""
    return Kind(
        f"text{bound}" if empty else f"text{bound} that is not empty",
        lambda value: isinstance(value, str) and (longest is None or len(value) <= longest) and (empty or bool(value)),
        form={"type": "string"},
    )


def choice(*words: str) -> Kind:
    """One of `words`."""
    return Kind(
        listed(words), lambda value: isinstance(value, str) and value in words, known=words, form={"enum": words}
    )


TABLE = Kind("a table", lambda value: isinstance(value, dict))


def texts() -> Kind:
    """A list of strings, converted to a tuple."""
    return Kind("a list of strings", lambda value: isinstance(value, list) and all(map(_is_text, value)), tuple)


def text_table() -> Kind:
    """A table whose values are strings."""
    return Kind("a table of strings", lambda value: isinstance(value, dict) and all(map(_is_text, value.values())))


def extra_fields() -> Kind:
    """Fields of no known name, for a program beyond hushd; at a command line one of them, `KEY=VALUE`."""
    return Kind(
        "a table of at most 100 fields",
        lambda value: isinstance(value, dict) and len(value) <= 100 and all(map(_is_text, value)),
        form={"type": "object"},
        parse=_pair,
    )


def _pair(text: str) -> dict[str, Any]:
    """Reads KEY=VALUE, a value in JSON or a text."""
    key, sign, value = text.partition("=")
    if not (key and sign):
        raise ValueError(text)
    try:
        return {key: json.loads(value)}
    except ValueError:
        return {key: value}


def is_number(value: object) -> bool:
    """Returns whether `value` is a finite number, and not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _truth(text: str) -> object:
    return {"true": True, "false": False}.get(text.lower())  # None is refused


def _bounds(low: float, high: float) -> dict[str, float]:
    return {name: bound for name, bound in (("minimum", low), ("maximum", high)) if not math.isinf(bound)}


def _range(low: float, high: float) -> str:
    if math.isinf(low):
        return ""
    if math.isinf(high):
        return f", {low:g} or more"
    return f" from {_plain(low)} to {_plain(high)}"


def _plain(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"
