"""The answer to `describe`: the engines of each role with their models and voices, installed or not.

The workers' packages print the description of their role (`--describe`), with `default` added by the supervisor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hushd_protocol.light_dataclass import dataclass, replace

from .record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription(Record):
    """A model of an engine.

    Attributes:
        languages: tags; empty where they are not known, and `*` for all.
        memory_mb: the size of a worker with it, estimated, in MB (10^6 bytes).
        embedded: whether its weights come with the engine's package.
        translation: whether it can translate into English; None where that depends on the engine alone.
        word_times: whether it knows when each word was said; None likewise.
        installed: whether it could be loaded here.
    """

    name: str
    languages: tuple[str, ...]
    memory_mb: float
    embedded: bool
    translation: bool | None = None
    word_times: bool | None = None
    installed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceDescription(Record):
    """A voice of an engine.

    Attributes:
        language: a tag such as en-US.
        gender: `female`, `male` or empty.
        model: the model that speaks it.
        installed: whether its files are here.
        sample: a sentence to try it with; empty where a description is long.
        wpm: words a minute at speed 1.
    """

    name: str
    language: str
    gender: str
    model: str
    installed: bool
    sample: str
    wpm: float
    engine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineDescription(Record):
    """An engine.

    Attributes:
        installed: of an engine that hears, whether a model is here; of one that speaks, whether its package is.
        install: the command that brings it.
        robotic: whether it sounds like a machine.
    """

    name: str
    installed: bool
    install: str
    default_model: str
    models: tuple[ModelDescription, ...]
    robotic: bool = False

    def installed_models(self) -> list[str]:
        """The names of the models that are here."""
        return [model.name for model in self.models if model.installed]


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingEngine(EngineDescription):
    """An engine that writes down speech.

    Attributes:
        streaming: whether it is quick enough for text while a person speaks.
        word_times: whether it knows when each word was said.
        translation: whether it can translate into English.
        options: those of `transcribe` that it uses, of the ones that depend on the engine; None: not known.
    """

    streaming: bool
    word_times: bool
    translation: bool
    options: tuple[str, ...] | None

    def models_with_words(self) -> list[str]:
        """The names of the models that are here and know when each word was said."""
        return [
            model.name
            for model in self.models
            if model.installed and (self.word_times if model.word_times is None else model.word_times)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakingEngine(EngineDescription):
    """An engine that speaks.

    Attributes:
        streaming: whether it makes audio while it still reads text.
    """

    default_voice: str
    voices: tuple[VoiceDescription, ...]
    streaming: bool


MOST_WORDS = 20  # that one request waits for


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeWord(Record):
    """A word that an engine waits for.

    Attributes:
        name: the model's, such as `okay_nabu`.
        phrase: as it is spoken.
        languages: tags of those that its model was made for.
    """

    name: str
    phrase: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEngine(EngineDescription):
    """An engine that waits for words.

    Attributes:
        words: those that it knows; an engine that takes `any_phrase` knows more.
    """

    words: tuple[WakeWord, ...]
    any_phrase: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleDescription(Record):
    """The engines of a role, the preferred ones first.

    Attributes:
        role: `stt`, `tts`, `wake` or `models`; empty where it was not described.
        version: of the package that describes it.
        default: the configured `ENGINE/MODEL`; empty where the supervisor has not added it.
    """

    role: str
    version: str
    default: str = ""
    engines: tuple[EngineDescription, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingDescription(RoleDescription):
    """The engines of the role `stt`."""

    engines: tuple[HearingEngine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakingDescription(RoleDescription):
    """The engines of the role `tts`."""

    engines: tuple[SpeakingEngine, ...]

    def voices(self) -> list[VoiceDescription]:
        """The voices of all engines."""
        return [voice for engine in self.engines for voice in engine.voices]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingDescription(RoleDescription):
    """The engines of the role `wake`."""

    engines: tuple[WaitingEngine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptions(Record):
    """The answer to `describe`. A role that was not asked for has no engines; `models` has one, the user's folder."""

    stt: HearingDescription
    tts: SpeakingDescription
    wake: WaitingDescription
    models: RoleDescription

    def of(self, role: str) -> RoleDescription:
        """The description of `stt`, `tts`, `wake` or `models`."""
        return {"stt": self.stt, "tts": self.tts, "wake": self.wake, "models": self.models}[role]

    def with_defaults(self, default: Callable[[str], str]) -> Descriptions:
        """These, with the configured `ENGINE/MODEL` of each role that has several engines."""
        stt, tts = replace(self.stt, default=default("stt")), replace(self.tts, default=default("tts"))
        return replace(self, stt=stt, tts=tts, wake=replace(self.wake, default=default("wake")))

    def having(self, role: str, described: RoleDescription) -> Descriptions:
        """These, with another description of a role."""
        other: Mapping[str, Any] = {role: described}
        return replace(self, **other)


OF_ROLE: dict[str, type[RoleDescription]] = {
    "stt": HearingDescription,
    "tts": SpeakingDescription,
    "wake": WaitingDescription,
    "models": RoleDescription,
}


def read(role: str, data: object) -> RoleDescription:
    """Reads what the workers' package of a role has printed.

    Raises:
        HushdError: `protocol_error` for anything else.
    """
    return OF_ROLE[role].from_data(data, f"The description of the role {role}")
