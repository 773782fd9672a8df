"""The choice of a voice, for modules that only remember it."""

from __future__ import annotations

from typing import NamedTuple


class VoiceChoice(NamedTuple):
    """The engine, model and voice of a request; None leaves the choice to the supervisor or the worker."""

    engine: str | None
    model: str | None
    voice: str | None
