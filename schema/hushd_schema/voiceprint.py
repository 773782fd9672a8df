"""Voiceprints: texts that describe voices, by which hushd recognises people. Pure.

A voiceprint is the name of the model that made it, a colon, and the base64 of its numbers: little-endian, 16 bits each.
The voice cannot be reconstructed from it.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

from .kinds import Kind

MODEL = "community-1"  # pyannote/speaker-diarization-community-1, the only model so far
NUMBERS = 256
MAX_PEOPLE = 64  # of one request, so that their voiceprints fit into its header
MAX_NAME = 64  # characters
_LABEL = "SPEAKER_"  # the beginning of unknown speakers' labels


def is_label(speaker: str) -> bool:
    """Returns whether a speaker's name is only the label of an unknown person."""
    return speaker.startswith(_LABEL)


def is_name(name: object) -> bool:
    """Returns whether `name` can be a person's name: one line of visible text, and not an unknown speaker's label."""
    import unicodedata  # 0.1 MB, which most processes do not need

    return (
        isinstance(name, str)
        and 0 < len(name) <= MAX_NAME
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
    """A table of names, each with a voiceprint, converted to a dict."""
    return Kind(f"a table of at most {MAX_PEOPLE} names, each with a voiceprint of {MODEL}", _fits)


def _fits(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) <= MAX_PEOPLE
        and all(is_name(name) and is_voiceprint(voiceprint) for name, voiceprint in value.items())
    )
