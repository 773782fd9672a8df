"""The contract of an engine that waits for words, and its types. Light: no numpy.

An engine is a class named in the entry point group `hushd.wake_engines`. Its module must import in milliseconds, since
`--describe` imports it; everything heavy belongs into `load`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from hushd_worker.engine_model import Model

RATE = 16_000  # Hz of the samples that an engine gets: s16le, mono


@dataclass(frozen=True, slots=True)
class Word:
    """A word that an engine knows: its name, as it is spoken, and tags of the languages that it was made for."""

    name: str
    phrase: str
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """An engine's description, known without loading it.

    Attributes:
        install: the command that installs it.
        any_phrase: whether it waits for phrases that nobody has trained a model for.
    """

    name: str
    installed: bool
    install: str
    default_model: str
    models: tuple[Model, ...]
    words: tuple[Word, ...]
    any_phrase: bool


@dataclass(frozen=True, slots=True)
class Detection:
    """A word that was heard.

    Attributes:
        word: as it was asked for.
        name: the engine's own name for it.
        at: seconds of audio after which the engine was sure.
        probability: None where it tells none.
        lag_s: how long after the end of the word the engine is sure, at most.
        begin: seconds of audio before which the word does not begin; None: it is not known.
    """

    word: str
    name: str
    at: float
    probability: float | None
    lag_s: float
    begin: float | None = None


class Listener(Protocol):
    """One stream of audio in which words are waited for."""

    def hear(self, samples: bytes) -> Iterator[Detection]:
        """Takes the samples that follow, s16le at `RATE`; yields the words whose end they bring."""

    def close(self) -> None:
        """Frees what the stream has taken. Safe to call twice."""


class WakeEngine(Protocol):
    """One engine with one model. `listener` is called from several threads at once."""

    def __init__(self, model: str) -> None: ...

    @classmethod
    def info(cls) -> EngineInfo:
        """Describes the engine; loads nothing."""

    def load(self, report: Callable[[str], None]) -> None:
        """Imports and loads all that is heavy.

        Raises:
            HushdError: `engine_missing` or `model_missing`.
        """

    def listener(self, words: Sequence[str], threshold: float | None) -> Listener:
        """Returns a new stream that waits for `words`; for the first that the model knows where there are none.

        Raises:
            HushdError: `bad_request` for a word that the model does not know.
        """
