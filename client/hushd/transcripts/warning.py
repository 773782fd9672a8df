"""Reasons to doubt a transcript, as a result reports them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

NO_EFFECT = "no_effect"  # the code of a warning about the request's options, not about its recording


class TranscriptWarning(NamedTuple):
    """A reason to doubt a transcript: `code` for programs, such as `unlikely_text`, and a sentence for people."""

    code: str
    message: str


def warnings_of(data: Mapping[str, Any]) -> tuple[TranscriptWarning, ...]:
    """The warnings in the data of a result."""
    return tuple(
        TranscriptWarning(str(row.get("code", "")), str(row.get("message", ""))) for row in data.get("warnings") or ()
    )
