"""Request values, from JSON or from forms: checked, and named in the error if they are invalid."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from hushd.transport.source import utf8
from hushd_protocol.errors import HushdError
from hushd_schema import kinds
from hushd_schema.kinds import Kind

from .errors import bad

Fields = Mapping[str, Any]  # a JSON object, or `FormFields`


class FormFields(dict[str, list[str]]):
    """The fields of a form: the texts of each name; a parameter that is not a list takes the last one."""


def parse(data: str | bytes) -> Any:
    """Returns the JSON value; its numbers are finite, since an answer that repeats others would not be JSON. Raises
    ValueError if it is not JSON, RecursionError if nested too deep, `bad_request` for half of a surrogate pair."""
    value = json.loads(data, parse_constant=_finite, parse_float=_finite)
    utf8(json.dumps(value, ensure_ascii=False))
    return value


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value


def value(fields: Fields, name: str, kind: Kind) -> Any:
    """Returns the value as its kind, also parsed from text; None if missing, or an empty text that does not fit."""
    sent = single(fields, name)
    if sent is None:
        return None
    if isinstance(sent, float) and sent.is_integer():
        sent = int(sent)  # JSON knows one kind of number
    try:
        return kinds.from_text(sent, kind) if isinstance(sent, str) else kinds.check(name, sent, kind)
    except ValueError as error:
        if sent == "":
            return None
        raise bad(f"{name} {error}.", name) from None
    except HushdError as error:
        raise bad(error.message, name) from None


def text(fields: Fields, name: str, default: str = "") -> str:
    """Returns a string; `default` for null or a missing field."""
    given = value(fields, name, str)
    return default if given is None else str(given)


def flag(fields: Fields, name: str) -> bool:
    """Returns a boolean, also from the text of a form; False if it is left out."""
    return bool(value(fields, name, bool))


def choice(fields: Fields, name: str, choices: Sequence[str], default: str) -> str:
    """Returns one of `choices`; `default` for null or a missing field."""
    return value(fields, name, kinds.choice(*choices)) or default


def texts(fields: Fields, name: str) -> list[str]:
    """Returns a list of strings, from JSON, or from a form that repeats `name[]` or `name`."""
    words: list[str] = []
    for key in (name, f"{name}[]"):
        value = fields.get(key)
        for each in value if isinstance(value, list) else [] if value is None else [value]:
            if not isinstance(each, str):
                raise bad(f"{name} must be a list of texts.", name)
            words.append(each)
    return [each for each in words if each]


def single(fields: Fields, name: str) -> Any:
    """Returns the value of `name`; the last one if a form repeats it."""
    if isinstance(fields, FormFields):
        return fields[name][-1] if fields.get(name) else None
    return fields.get(name)


def subset(fields: Fields, name: str, choices: Sequence[str]) -> set[str]:
    """Returns a set of texts, all among `choices`; a form may send them as one text, a list in JSON."""
    chosen: set[str] = set()
    for each in texts(fields, name):
        try:
            chosen.update(texts({name: parse(each)}, name) if each.startswith("[") else [each])
        except ValueError:
            chosen.add(each)
    if chosen - set(choices):
        raise bad(f"{name} takes {' and '.join(choices)}.", name)
    return chosen
