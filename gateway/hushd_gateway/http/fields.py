"""Values of requests, from JSON or from forms: checked, and named in the error where they do not fit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_schema import kinds
from hushd_schema.kinds import Kind
from starlette.datastructures import QueryParams

from .errors import bad

CONTAINERS = 10_000  # objects and lists of a JSON value, each of which costs up to a hundred times its text
ITEMS = 200_000  # and the commas in it

Fields = Mapping[str, Any]  # whatever JSON has, or `FormFields`


class FormFields(dict[str, list[str]]):
    """The fields of a form: the texts of each name, of which a parameter that is not a list has the last one."""


def of_query(query: QueryParams) -> FormFields:
    """The parameters of an address."""
    return FormFields({name: query.getlist(name) for name in query})


def parse(data: str | bytes) -> Any:
    """The value of JSON, whose numbers are all finite: an answer that repeats another would not be JSON.

    Raises:
        ValueError: it is none.
        ApiError: it has more parts than any request needs.
        RecursionError: it is nested too deep.
    """
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
    if text.count("{") + text.count("[") > CONTAINERS or text.count(",") > ITEMS:
        raise bad(f"JSON has at most {CONTAINERS} objects and lists here, and {ITEMS} items in them.")
    return json.loads(text, parse_constant=_finite, parse_float=_finite)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value


def value(fields: Fields, name: str, kind: Kind) -> Any:
    """A value of a kind, also as text; None where there is none, or an empty text that does not fit."""
    given = single(fields, name)
    if given is None or (given == "" and not kind.fits("")):
        return None
    if isinstance(given, float) and given.is_integer():
        given = int(given)  # JSON knows one kind of number
    try:
        return kinds.from_text(given, kind) if isinstance(given, str) else kinds.check(name, given, kind)
    except ValueError as error:
        raise bad(f"{name} {error}.", name) from None
    except HushdError as error:
        raise bad(error.message, name) from None


def text(fields: Fields, name: str, default: str = "") -> str:
    """A string; null and nothing are `default`."""
    given = value(fields, name, kinds.text())
    return default if given is None else str(given)


def flag(fields: Fields, name: str) -> bool:
    """A boolean, also as the text of a form."""
    value = single(fields, name)
    if isinstance(value, str):
        value = {"true": True, "1": True, "false": False, "0": False, "": False}.get(value.lower(), value)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise bad(f"{name} must be true or false.", name)


def choice(fields: Fields, name: str, choices: Sequence[str], default: str) -> str:
    """One of `choices`; null and nothing are `default`."""
    return value(fields, name, kinds.choice(*choices)) or default


def record(fields: Fields, name: str) -> JsonObject:
    """An object; null and nothing are an empty one."""
    value = single(fields, name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad(f"{name} must be an object.", name)
    return value


def texts(fields: Fields, name: str) -> list[str]:
    """A list of strings, as JSON has it, or as a form has it: `name[]` or `name` several times."""
    words: list[str] = []
    for key in (name, f"{name}[]"):
        value = fields.get(key)
        for each in value if isinstance(value, list) else [] if value is None else [value]:
            if not isinstance(each, str):
                raise bad(f"{name} must be a list of texts.", name)
            words.append(each)
    return [each for each in words if each]


def members(fields: Fields, name: str) -> JsonObject:
    """The object of a form that sends `name[key]` for each of its keys."""
    start = f"{name}["
    return {key[len(start) : -1]: single(fields, key) for key in fields if key.startswith(start) and key.endswith("]")}


def single(fields: Fields, name: str) -> Any:
    """The value of `name`; where a form repeats it, the last one."""
    if isinstance(fields, FormFields):
        return fields[name][-1] if fields.get(name) else None
    return fields.get(name)


def subset(fields: Fields, name: str, choices: Sequence[str]) -> set[str]:
    """A list of texts, all of which are among `choices`."""
    chosen = set(texts(fields, name))
    if chosen - set(choices):
        raise bad(f"{name} takes {' and '.join(choices)}.", name)
    return chosen
