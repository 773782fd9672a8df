"""Parses mixed voices: `af_sky+af_bella`, or with weights `af_sky(2)+af_bella(1)`, as Kokoro's programs do. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted

MAX_VOICES = 8  # in a mixed voice
_PART = re.compile(r"(?P<name>[^()+]{1,60})(?:\((?P<weight>\d{1,4}(?:\.\d{1,4})?)\))?")


class Part(NamedTuple):
    """A part of a mixed voice."""

    voice: str
    weight: float = 1.0


def parts(name: str) -> list[Part]:
    """Returns the parts of a mixed voice; none for the name of a single voice.

    Raises:
        HushdError: `bad_request` for a `+` that is not between voices with weights above 0.
    """
    words = name.split("+")
    if len(words) == 1:
        return []
    mixed = [_part(word.strip()) for word in words]
    if len(words) > MAX_VOICES or not all(part.weight for part in mixed):
        raise HushdError(
            "bad_request",
            f"{quoted(name)} is not a mixed voice: write VOICE+VOICE or VOICE(2)+VOICE(1), of {MAX_VOICES} at most.",
        )
    return mixed


def named(mixed: Iterable[Part]) -> str:
    """Returns the name of a mixed voice, as `parts` reads it."""
    return "+".join(part.voice if part.weight == 1 else f"{part.voice}({part.weight:g})" for part in mixed)


def _part(word: str) -> Part:
    """Returns a voice with its weight, which is 0 if `word` has another form."""
    part = _PART.fullmatch(word)
    return Part(part["name"].strip(), float(part["weight"] or 1)) if part else Part("", 0.0)
