"""The answer to `describe`: the engines of each role with their models and voices, installed or not.

The workers' packages print the description of their role (`--describe`), with `default` added by the supervisor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hushd_protocol.values import Finite
from msgspec import field
from msgspec.structs import replace

from .record import Record


class ModelDescription(Record, frozen=True, kw_only=True):
    """A model of an engine.

    Attributes:
        languages: tags; empty if unknown, `*` for all.
        memory_mb: the estimated size of a worker with it, in MB (10^6 bytes).
        embedded: whether its weights come with the engine's package.
        translation: whether it can translate into English; None if that depends on the engine alone.
        word_times: whether it can time each word; None likewise.
        installed: whether it can be loaded here.
    """

    name: str
    languages: tuple[str, ...]
    memory_mb: Finite
    embedded: bool
    translation: bool | None = None
    word_times: bool | None = None
    installed: bool


class Voice(Record, frozen=True, kw_only=True):
    """A voice of an engine.

    Attributes:
        language: a tag such as en-US.
        gender: `female`, `male` or empty.
        model: the model that speaks it.
        installed: whether its files are here.
        sample: a sentence to try it with; empty in a long description.
        wpm: words per minute at speed 1.
    """

    name: str
    language: str
    gender: str
    model: str
    installed: bool
    sample: str
    wpm: Finite
    engine: str


class EngineDescription(Record, frozen=True, kw_only=True):
    """An engine.

    Attributes:
        installed: whether a model (speech to text) or its package (text to speech) is installed.
        install: the command that installs it.
        robotic: whether it sounds like a machine.
    """

    name: str
    installed: bool
    install: str
    default_model: str
    models: tuple[ModelDescription, ...]
    robotic: bool = False

    def installed_models(self) -> list[str]:
        return [model.name for model in self.models if model.installed]


class HearingEngine(EngineDescription, frozen=True, kw_only=True):
    """An engine for speech to text.

    Attributes:
        streaming: whether it is fast enough for text while a person speaks.
        word_times: whether it can time each word.
        translation: whether it can translate into English.
        options: the engine-dependent options of `transcribe` that it uses; None if unknown.
    """

    streaming: bool
    word_times: bool
    translation: bool
    options: tuple[str, ...] | None

    def models_with_words(self) -> list[str]:
        """Returns the names of the installed models that can time words."""
        return [
            model.name
            for model in self.models
            if model.installed and (self.word_times if model.word_times is None else model.word_times)
        ]


class SpeakingEngine(EngineDescription, frozen=True, kw_only=True):
    """An engine for text to speech. `streaming`: whether it produces audio while it still reads text."""

    default_voice: str
    voices: tuple[Voice, ...]
    streaming: bool


MAX_WAKE_WORDS = 20  # wake words that one request waits for


class WakeWord(Record, frozen=True, kw_only=True):
    """A word that an engine waits for.

    Attributes:
        name: the model's name, such as `okay_nabu`.
        phrase: the word as people say it.
        languages: the tags of its model's languages.
    """

    name: str
    phrase: str
    languages: tuple[str, ...]


class WaitingEngine(EngineDescription, frozen=True, kw_only=True):
    """An engine that waits for words. `words`: the words of its models."""

    words: tuple[WakeWord, ...]


class RoleDescription(Record, frozen=True, kw_only=True):
    """The engines of a role, the preferred ones first.

    Attributes:
        role: `stt`, `tts`, `wake` or `models`; empty if it was not described.
        version: the version of the package that describes it.
        default: the configured `ENGINE/MODEL`; empty until the supervisor adds it.
        by_language: the configured ones by language.
    """

    role: str
    version: str
    default: str = ""
    by_language: Mapping[str, str] = field(default_factory=dict)
    engines: tuple[EngineDescription, ...]


class HearingDescription(RoleDescription, frozen=True, kw_only=True):
    """The engines of the role `stt`."""

    engines: tuple[HearingEngine, ...]


class SpeakingDescription(RoleDescription, frozen=True, kw_only=True):
    """The engines of the role `tts`."""

    engines: tuple[SpeakingEngine, ...]

    def voices(self) -> list[Voice]:
        return [voice for engine in self.engines for voice in engine.voices]


class WaitingDescription(RoleDescription, frozen=True, kw_only=True):
    """The engines of the role `wake`."""

    engines: tuple[WaitingEngine, ...]


class Descriptions(Record, frozen=True, kw_only=True):
    """The answer to `describe`. A role that was not requested has no engines; `models` has one, the models folder."""

    stt: HearingDescription
    tts: SpeakingDescription
    wake: WaitingDescription
    models: RoleDescription

    def of(self, role: str) -> RoleDescription:
        """Returns the description of `stt`, `tts`, `wake` or `models`."""
        return {"stt": self.stt, "tts": self.tts, "wake": self.wake, "models": self.models}[role]

    def having(self, role: str, described: RoleDescription) -> Descriptions:
        """Returns these with another description of a role."""
        changes: Mapping[str, Any] = {role: described}
        return replace(self, **changes)


OF_ROLE: dict[str, type[RoleDescription]] = {
    "stt": HearingDescription,
    "tts": SpeakingDescription,
    "wake": WaitingDescription,
    "models": RoleDescription,
}


def read(role: str, data: object) -> RoleDescription:
    """Reads the description that the workers' package of a role has printed.
    Raises `protocol_error` if it is not a description."""
    return OF_ROLE[role].from_data(data, f"The description of the role {role}")
