"""Voiceprints: voices as text, by which people are known again. Pure.

A voiceprint is the name of the model that made it, a colon, and the base64 of its numbers: little-endian, 16 bits each.
The voice itself cannot be heard again from it.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

from .kinds import Kind

MODEL = "community-1"  # pyannote/speaker-diarization-community-1, the only one so far
NUMBERS = 256
MOST = 64  # people of one request, so that their voiceprints fit into its header
LONGEST_NAME = 64  # characters
_LABEL = "SPEAKER_"  # begins the labels of people who are not known


def is_label(speaker: str) -> bool:
    """Returns whether a speaker's name is but a number, as of somebody who is not known."""
    return speaker.startswith(_LABEL)


def is_name(name: object) -> bool:
    """Returns whether people can be called so: a line of text that can be seen, and not a label of the unknown."""
    import unicodedata  # 0.1 MB, and most processes know nobody

    return (
        isinstance(name, str)
        and 0 < len(name) <= LONGEST_NAME
        and name == name.strip()
        and name.isprintable()
        and unicodedata.is_normalized("NFC", name)
        and not name.upper().startswith(_LABEL)
    )


def is_voiceprint(text: object) -> bool:
    """Returns whether `text` is a voiceprint of `MODEL`."""
    if not isinstance(text, str) or not text.startswith(f"{MODEL}:") or not text.isascii():
        return False
    try:
        return len(binascii.a2b_base64(text[len(MODEL) + 1 :], strict_mode=True)) == 2 * NUMBERS
    except binascii.Error:
        return False


def people_kind() -> Kind:
    """A table of names, each with a voiceprint; made a dict."""
    return Kind(f"a table of at most {MOST} names, each with a voiceprint of {MODEL}", _fits)


def _fits(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) <= MOST
        and all(is_name(name) and is_voiceprint(voiceprint) for name, voiceprint in value.items())
    )
