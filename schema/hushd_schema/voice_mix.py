"""Mixed voices: `af_sky+af_bella`, or with shares `af_sky(2)+af_bella(1)`, as Kokoro's programs write them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted

MOST = 8  # voices in one
_PART = re.compile(r"(?P<name>[^()+]{1,60})(?:\((?P<weight>\d{1,4}(?:\.\d{1,4})?)\))?")


class Part(NamedTuple):
    """A voice in a mixed one."""

    voice: str
    weight: float = 1.0


def parts(name: str) -> list[Part]:
    """The voices of a mixed one; none for the name of a single voice.

    Raises:
        HushdError: `bad_request` for a `+` that does not stand between voices with weights above 0.
    """
    words = name.split("+")
    if len(words) == 1:
        return []
    mixed = [_part(word.strip()) for word in words]
    if len(words) > MOST or not all(part.weight for part in mixed):
        raise HushdError(
            "bad_request",
            f"{quoted(name)} is not a mixed voice: write VOICE+VOICE or VOICE(2)+VOICE(1), of {MOST} at most.",
        )
    return mixed


def named(mixed: Iterable[Part]) -> str:
    """The name of a mixed voice, as `parts` reads it."""
    return "+".join(part.voice if part.weight == 1 else f"{part.voice}({part.weight:g})" for part in mixed)


def _part(word: str) -> Part:
    """A voice with its weight; the weight is 0 where the word is not written so."""
    part = _PART.fullmatch(word)
    return Part(part["name"].strip(), float(part["weight"] or 1)) if part else Part("", 0.0)
