"""The reference of the Python package, made of its signatures and docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.util import find_spec
from typing import Any, ForwardRef, get_type_hints

import hushd
from hushd.exchange import options as stated
from hushd.exchange.speech_base import SpeechBase
from hushd.transcripts.options import LIVE
from hushd.transport import requests
from hushd.yield_options import yield_fields
from hushd_schema.operations.synthesize import SynthesizeOptions
from hushd_schema.operations.transcribe import TranscribeOptions

from .markdown import prose

INTRODUCTION = """# The Python package

Every public name of `hushd` with its methods, as the code has them. [Python](../docs/PYTHON.md) shows how they are
used, and says what stays as it is.
"""
OPTIONS = (TranscribeOptions, SynthesizeOptions)
# The options of a method, with those of the operation among them, if it has any, and the procedure with their defaults.
METHOD_OPTIONS: Mapping[str, tuple[type, type | None, Any]] = {
    "Unpack[SayOptions]": (stated.SayOptions, SynthesizeOptions, requests.request),
    "Unpack[SpeechOptions]": (stated.SpeechOptions, SynthesizeOptions, SpeechBase._speech),
    "Unpack[TranscriptionOptions]": (stated.TranscriptionOptions, TranscribeOptions, SpeechBase._transcription),
    "Unpack[ListenOptions]": (stated.ListenOptions, TranscribeOptions, SpeechBase._session),
    "Unpack[DetectOptions]": (stated.DetectOptions, None, requests.request),
    "Unpack[YieldOptions]": (stated.YieldOptions, None, yield_fields),
}
_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$")
_ENTRY = re.compile(r"^    ([\w*, ]+): (.*)$")
_DEFINED = (property, cached_property, classmethod, staticmethod)
MAX_LINE = 90  # characters of a signature in a line
_INTERNAL = ("from_data",)  # makes an object of a message


def names() -> list[str]:
    """The public names, but for those of a guest that is not here."""
    return [name for name in hushd.__all__ if find_spec(hushd._HOMES.get(name, "hushd").partition(".")[0])]


def page() -> str:
    """The page in Markdown."""
    lines = [INTRODUCTION]
    for name in sorted(names(), key=lambda name: name.startswith("Async")):
        if inspect.isclass(kind := getattr(hushd, name)):
            lines += [f"## {name}", "", *_documented(kind), *_typed(_fields(kind))]
            for member in sorted(_members(kind)):
                lines += _member(kind, member)
        elif callable(kind):
            lines += [f"## {name}", "", "```python", _signature(name, kind), "```", "", *_documented(kind)]
    for options in OPTIONS:
        lines += [f"## {options.__name__}", "", *_documented(options), *_typed(_hints(options))]
    return "\n".join(lines)


def _fields(kind: type) -> Mapping[str, str]:
    return {each.name: str(each.type) for each in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else {}


def _hints(options: type) -> Mapping[str, str]:
    """The types of a TypedDict's fields, without what the schema says of them."""
    hints = get_type_hints(options)
    return {
        name: hint.__name__
        if isinstance(hint, type)
        else str(hint).replace("collections.abc.", "").replace("typing.", "")
        for name, hint in hints.items()
    }


def _typed(types: Mapping[str, str]) -> Iterator[str]:
    yield from (f"- `{name}`: `{hint}`" for name, hint in types.items())
    yield ""


def _members(kind: type) -> set[str]:
    """The public methods and properties that hushd's own classes define."""
    own = [vars(base) for base in kind.__mro__ if base.__module__.startswith("hushd")]
    defined = {name for names in own for name, value in names.items() if callable(value) or isinstance(value, _DEFINED)}
    return {name for name in defined if not name.startswith("_") and name not in _INTERNAL}


def _member(kind: type, name: str) -> Iterator[str]:
    value = inspect.getattr_static(kind, name)
    yield from (f"### {kind.__name__}.{name}", "")
    if not isinstance(value, property | cached_property):
        yield from ("```python", _signature(name, getattr(kind, name)), "```", "")
    yield from _documented(getattr(kind, name) if callable(getattr(kind, name)) else value)


class _Type:
    """An annotation that a signature shows without quotes."""

    def __init__(self, text: object) -> None:
        self._text = str(text)

    def __repr__(self) -> str:
        return self._text


def _signature(name: str, value: Any) -> str:
    """The call with its types; a parameter a line where it is long."""
    signature = inspect.signature(value)
    given = [
        option
        for each in signature.parameters.values()
        if each.name not in ("self", "cls")
        for option in _options(each)
    ]
    given = [
        each if each.annotation is each.empty else each.replace(annotation=_Type(each.annotation)) for each in given
    ]
    signature = signature.replace(parameters=given, return_annotation=_Type(signature.return_annotation))
    call = ("await " if inspect.iscoroutinefunction(value) else "") + name
    if len(f"{call}{signature}") <= MAX_LINE:
        return f"{call}{signature}"
    inside, _, result = str(signature)[1:].rpartition(") -> ")
    parameters = re.split(r", (?=\*|\w+:)", inside)
    return "\n".join([f"{call}(", *(f"    {each}," for each in parameters), f") -> {result}"])


def _options(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    """The options of a method, a parameter each with its default, and those of the operation as they are."""
    described = METHOD_OPTIONS.get(parameter.annotation)
    if described is None:
        yield parameter
        return
    options, operation, procedure = described
    defaults = {"threshold": None, **_defaults(requests.request), **LIVE, **_defaults(procedure)}
    own = _stated_hints(operation) if operation else {}
    for name, hint in _stated_hints(options).items():
        if _text(hint) != _text(own.get(name)):
            yield inspect.Parameter(name, parameter.KEYWORD_ONLY, default=defaults[name], annotation=hint)
    if operation:
        yield parameter.replace(annotation=f"Unpack[{operation.__name__}]")


def _stated_hints(options: type) -> dict[str, Any]:
    """The annotations of a TypedDict as written: Python 3.14 makes them anew for each class that inherits them."""
    hints = options.__annotations__.items()
    return {name: hint.__forward_arg__ if isinstance(hint, ForwardRef) else hint for name, hint in hints}


def _text(hint: Any) -> str:
    """Returns how a hint is written, without the addresses of functions in it, which are made anew, too."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(hint))


def _defaults(procedure: Any) -> Mapping[str, Any]:
    return {name: each.default for name, each in inspect.signature(procedure).parameters.items()}


def _documented(value: Any) -> Iterator[str]:
    """The lines of a docstring: its paragraphs, and its sections as lists."""
    for line in (inspect.getdoc(value) or "").splitlines():
        if found := _SECTION.match(line):
            yield from (f"**{found[1]}**", "")
        elif found := _ENTRY.match(line):
            yield f"- `{found[1]}`: {prose(found[2])}"
        else:
            yield f"{line[:2] if line.startswith('  ') else ''}{prose(line.strip())}"
    yield ""
