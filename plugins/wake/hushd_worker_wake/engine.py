"""The contract of a wake-word engine, and its types. Light: imports no numpy.

An engine is a class named in the entry point group `hushd.wake_engines`. Its module must import in milliseconds, since
`--describe` imports it; heavy imports belong in `load`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hushd_worker.engine import BaseEngine

if TYPE_CHECKING:
    from hushd_schema.description import WakeWord

RATE = 16_000  # Hz of an engine's samples, mono s16le


@dataclass(frozen=True, slots=True)
class Detection:
    """A detected word.

    Attributes:
        word: as in the request.
        name: the engine's own name for it.
        at: seconds of audio after which the engine was sure.
        probability: None if the engine reports none.
        lag_s: the longest time from the word's end until the engine is sure.
        begin: seconds of audio before which the word does not begin; None if unknown.
    """

    word: str
    name: str
    at: float
    probability: float | None
    lag_s: float
    begin: float | None = None


class Listener(Protocol):
    """A stream of audio in which words are detected."""

    def hear(self, samples: bytes) -> Iterator[Detection]:
        """Takes the next samples, s16le at `RATE`; yields the words that end in them."""

    def close(self) -> None:
        """Frees the stream's memory. Safe to call twice."""


class Engine(BaseEngine):
    """An engine with one model. Several threads call `listener` at once."""

    @abstractmethod
    def __init__(self, model: str) -> None: ...

    @classmethod
    @abstractmethod
    def words(cls) -> tuple[WakeWord, ...]:
        """Returns the words of its models, without loading it."""

    @abstractmethod
    def load(self, report: Callable[[str], None]) -> None:
        """Imports and loads the heavy parts. Raises `engine_missing` or `model_missing`."""

    @abstractmethod
    def listener(self, words: Sequence[str], threshold: float | None) -> Listener:
        """Returns a new stream that detects `words`; if empty, the model's first word. Raises `bad_request` for a word
        that the model does not know."""
