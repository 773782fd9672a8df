"""Voices: as `Client.voices` lists one, and the choice of one, for modules that only remember it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hushd_protocol.light_dataclass import dataclass

if TYPE_CHECKING:
    from hushd_schema.description import SpeakingDescription, VoiceDescription


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that `synthesize` takes by its name. `sample` is a sentence to try it with."""

    name: str
    language: str
    engine: str
    model: str = ""
    gender: str = ""
    installed: bool = True
    sample: str = ""

    @classmethod
    def of(cls, voice: VoiceDescription, engine: str) -> Voice:
        """From a voice in the description of `engine`."""
        return cls(
            name=voice.name,
            language=voice.language,
            engine=voice.engine or engine,
            model=voice.model,
            gender=voice.gender,
            installed=voice.installed,
            sample=voice.sample,
        )

    @classmethod
    def all(cls, described: SpeakingDescription) -> list[Voice]:
        """Those of all engines."""
        return [cls.of(voice, engine.name) for engine in described.engines for voice in engine.voices]


class VoiceChoice(NamedTuple):
    """The engine, model and voice of a request; None leaves the choice to the supervisor or the worker."""

    engine: str | None
    model: str | None
    voice: str | None
