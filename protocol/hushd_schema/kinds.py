"""Checks values from outside by their kinds, types with bounds; every error is one sentence of one form.

read({"beam_size": 0}, {"beam_size": Annotated[int, Meta(ge=1, le=100)]}, "transcribe")
# bad_request: beam_size must be a whole number from 1 to 100, not 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, get_args, get_type_hints

import msgspec
from hushd_protocol import JsonObject, duration
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean, listed, quoted
from msgspec import Meta

Kind: TypeAlias = Any  # a type, mostly `Annotated` with `msgspec.Meta`, a `Rule` or both
PositiveInt: TypeAlias = Annotated[int, Meta(ge=1)]
PositiveFloat: TypeAlias = Annotated[float, Meta(gt=0)]
NonNegativeInt: TypeAlias = Annotated[int, Meta(ge=0)]
NonNegativeFloat: TypeAlias = Annotated[float, Meta(ge=0)]
_MOST_SHOWN = 5


class Rule(NamedTuple):
    """A condition that no type expresses; it stands beside the type: `Annotated[str, Rule("a device", is_device)]`.

    Attributes:
        must_be: completes the sentence "NAME must be …"; empty: the type's own words.
        fits: whether a value of the type is allowed; it may raise ValueError instead.
        make: converts such a value into the one to use.
        given: the type of what is given, if that differs from the one in use.
    """

    must_be: str = ""
    fits: Callable[[Any], object] = lambda value: True
    make: Callable[[Any], Any] = lambda value: value
    given: Kind = None


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
            raise HushdError("bad_request", f"{operation} needs {name}, which must be {must_be(kinds[name])}.")
    return checked


def table(content: Mapping[str, Any], kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Checks the content of a user's file, or of a table in it, and returns it.
    Raises `bad_request` for a key that is not in `kinds`, or a value that does not fit."""
    for key in content:
        if key not in kinds:
            hint = did_you_mean(key, kinds) or f": the keys are {listed(kinds)}"
            raise HushdError("bad_request", f"there is no key {quoted(key)}{hint}.")
    return {key: check(key, value, kinds[key]) for key, value in content.items()}


def of(record: type) -> dict[str, Kind]:
    """Returns the kinds of the keys of a file: a struct's fields that may be left out."""
    hints = get_type_hints(record, include_extras=True)
    return {each.name: hints[each.name] for each in msgspec.structs.fields(record) if not each.required}


def check(name: str, value: object, kind: Kind) -> Any:
    """Checks `value` and returns it as `kind` converts it.
    Raises `bad_request`, in the form `NAME must be WANTED, not VALUE.`"""
    try:
        return _converted(value, kind)
    except ValueError:
        raise HushdError("bad_request", f"{name} {_must_be_not(value, kind)}.") from None


def from_text(text: str, kind: Kind, parse: Callable[[str], Any] | None = None, words: str = "") -> Any:
    """Returns the value of `text` at a command line or in a form.

    Args:
        parse: returns the value in the text, where it is more than a text, a number or a flag.
        words: completes the sentence "must be …" instead of the kind's own words.

    Raises:
        ValueError: a text such as "must be a whole number from 1 to 100, not 'x'".
    """
    try:
        return _converted(parse(text) if parse else _parsed(text, kind), kind)
    except ValueError:
        raise ValueError(_must_be_not(text, kind, words)) from None


def must_be(kind: Kind) -> str:
    """Returns the end of the sentence "NAME must be …"."""
    return _rule(kind).must_be or _words(_given(kind))


def literals(kind: Kind) -> tuple[Any, ...]:
    """Returns the words of a choice; none of any other kind."""
    given = plain(_given(kind))
    return get_args(given) if getattr(given, "__origin__", None) is Literal else ()


def few(kind: Kind) -> tuple[Any, ...] | None:
    """Returns all values of a kind if they are few enough to list; else None."""
    if words := literals(kind):
        return words
    form = schema(kind)
    low, high = form.get("minimum", -math.inf), form.get("maximum", math.inf)
    return tuple(range(low, high + 1)) if form.get("type") == "integer" and high - low < _MOST_SHOWN else None


def schema(kind: Kind) -> JsonObject:
    """Returns the kind as a JSON Schema, for programs."""
    return msgspec.json.schema(_given(kind))


def plain(kind: Kind) -> Any:
    """Returns the type of a kind without its annotations."""
    return kind.__origin__ if hasattr(kind, "__metadata__") else kind


def seconds(low: float = 0.0) -> Rule:
    """The rule of a length of time: a number of seconds or a text with units, converted to seconds."""
    bound = f" of {low:g} s or more" if low >= 0 else ""
    given = Annotated[float | str, Meta(extra_json_schema={"format": "duration"})]
    return Rule(
        f'a time{bound}, such as 90, "90s" or "1h30m"',
        lambda value: (length := duration.parse(value)) is not None and length >= low,
        duration.parse,
        given,
    )


def span_s(low: int, high: int) -> Rule:
    """The rule of the shortest and the longest of something, in seconds."""
    return Rule(f"[shortest, longest] in seconds, from {low} to {high}", lambda span: low <= span[0] <= span[1] <= high)


def choice(*words: str) -> Kind:
    """One of `words` that stand elsewhere; those that stand here are a `Literal`."""
    return Literal[words]


def _parsed(text: str, kind: Kind) -> Any:
    """Returns the flag or the number in a text, as Python reads it; any other text as it is."""
    form = schema(kind)
    types = [each.get("type") for each in form.get("anyOf", [form])]
    if "boolean" in types:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    try:
        return int(text) if "integer" in types else float(text) if "number" in types else text
    except ValueError:
        return text


def _converted(value: object, kind: Kind) -> Any:
    """Returns the value to use. Raises ValueError, of which msgspec's ValidationError is one, if `value` is not of the
    kind; only finite numbers are."""
    made = msgspec.convert(value, _given(kind))
    rule = _rule(kind)
    if (isinstance(made, float) and not math.isfinite(made)) or not rule.fits(made):
        raise ValueError(value)
    return rule.make(made)


def _rule(kind: Kind) -> Rule:
    return next((each for each in getattr(kind, "__metadata__", ()) if isinstance(each, Rule)), Rule())


def _given(kind: Kind) -> Any:
    return _rule(kind).given or kind


def _must_be_not(value: object, kind: Kind, words: str = "") -> str:
    meant = did_you_mean(value, literals(kind))
    return f"must be {words or must_be(kind)}, not {quoted(value)}{meant}"


def _words(kind: Kind) -> str:
    """Returns what a value must be, from its type."""
    if words := literals(kind):
        return listed(words) if len(words) > 1 else repr(words[0])
    form = schema(kind)
    if "anyOf" in form:
        return ", or ".join(map(_words, get_args(plain(kind))))
    most = form.get("maxLength", form.get("maxProperties"))
    bound = "" if most is None else f" of at most {most} {'fields' if 'maxProperties' in form else 'characters'}"
    match form["type"]:
        case "boolean":
            return "true or false"
        case "integer" | "number" as number:
            return f"{'a whole number' if number == 'integer' else 'a number'}{_range(form)}"
        case "string":
            return f"text{bound}{' that is not empty' if form.get('minLength') else ''}"
        case "array":
            return "a list of whole numbers" if form.get("items") == {"type": "integer"} else "a list of strings"
    return f"a table{' of strings' if form.get('additionalProperties') else ''}{bound}"


def _range(form: Mapping[str, Any]) -> str:
    if "exclusiveMinimum" in form:
        return f" above {form['exclusiveMinimum']:g}"
    if "minimum" not in form:
        return ""
    if "maximum" not in form:
        return f", {form['minimum']:g} or more"
    return f" from {_bound(form['minimum'])} to {_bound(form['maximum'])}"


def _bound(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"
