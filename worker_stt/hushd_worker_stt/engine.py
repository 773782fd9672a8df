"""The contract of a speech-to-text engine, and the words it uses.

An engine is a class with a static description (`INFO`), found by the entry point group `hushd.stt_engines`. Its module
must import nothing heavy: `--describe` imports it. Everything heavy belongs into `load`.

Audio is float32, mono, 16,000 samples a second, full scale at -1 and 1, one-dimensional arrays of any length.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy as np
    import numpy.typing as npt

    from .live import LiveText

    Samples: TypeAlias = npt.NDArray[np.float32]

RATE = 16_000  # samples a second of all audio inside this worker
FRAME = 512  # samples a detector judges at once: 32 ms, what Silero was trained on


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was said, in seconds from the start of the audio."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech as text; times in seconds from the start of the audio, never before the last segment's.

    `words` is empty where the engine knows no word times.
    """

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model an engine can load. `memory_mb` is an estimate of the worker's PSS with it, in 10^6 bytes.

    `embedded` says that its weights come with the engine's package, so that nothing has to be downloaded.
    """

    name: str
    languages: tuple[str, ...]
    memory_mb: int
    embedded: bool


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What is known of an engine without loading it. `install` is the command that brings it."""

    name: str
    install: str
    default_model: str
    models: tuple[ModelInfo, ...]
    streaming: bool
    word_times: bool


class Detector(Protocol):
    """Voice activity in one stream of audio: says of each frame whether a person speaks."""

    def feed(self, frame: Samples) -> bool:
        """Judges the next `FRAME` samples."""

    def close(self) -> None:
        """Frees what the detector holds; called once, when its stream has ended."""


class Engine(ABC):
    """One loaded model. All calls after `load` come from one thread, one at a time.

    Attributes:
        economy: set before each job: memory is short, so work with less of it if there is a way (smaller beam,
            shorter pieces), at the cost of quality if need be.
        degraded: cleared before each job; the engine sets it once it has done so, which the result tells. An engine
            without a cheaper way leaves it.
    """

    INFO: ClassVar[EngineInfo]
    economy = False
    degraded = False

    @classmethod
    @abstractmethod
    def installed(cls, model: str) -> bool:
        """Whether `model` could be loaded here: code and weights are there. Imports nothing heavy."""

    @abstractmethod
    def load(self, model: str, report: Callable[[str], None]) -> None:
        """Loads `model`, a name from `INFO`; `report` tells the supervisor that it goes on.

        Raises:
            HushdError: `engine_missing` or `model_missing`.
        """

    @abstractmethod
    def transcribe(self, audio: Iterable[Samples], language: str | None = None) -> Iterator[Segment]:
        """Yields segments as soon as they are known, pulling blocks of `audio` only as it needs them.

        Memory stays flat however long the audio is. Silence yields nothing.
        """

    @abstractmethod
    def detector(self) -> Detector:
        """A voice activity detector for a new stream of audio."""

    def live_text(self, start: float, language: str | None = None) -> LiveText:
        """Text of an utterance while it is spoken, which began `start` seconds into the stream.

        Engines whose models stream by themselves override this.
        """
        from .live import RepeatedTranscription

        return RepeatedTranscription(self, start, language)
