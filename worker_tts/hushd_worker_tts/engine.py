"""The contract of a text-to-speech engine, and the words it uses. Light: no numpy at run time.

An engine is a class named in the entry point group `hushd.tts_engines`. Its module must import in milliseconds, since
`--describe` imports it; everything heavy belongs into `load`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """A piece of speech: `samples` is float32 mono, shape (n,), nominally in -1..1; `rate` is in Hz.

    `marks` say when words begin, where the engine knows: the place of the word in the text the engine was given, in
    characters, and seconds from the beginning of this piece; both ascending.
    """

    samples: Samples
    rate: int
    marks: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of an engine.

    Attributes:
        language: a tag such as en-US.
        model: the model that speaks it.
        installed: whether its files are here.
        sample: a sentence that it might introduce itself with.
        wpm: words a minute at speed 1.
        loudness: LUFS of its speech as the engine makes it; None: hushd measures it.
    """

    name: str
    language: str
    gender: str
    model: str
    installed: bool
    sample: str
    wpm: int
    loudness: float | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """What one worker process loads. `memory_mb` is a worker's PSS in 10^6 bytes; `embedded`: within its package."""

    name: str
    languages: tuple[str, ...]
    memory_mb: int
    embedded: bool
    installed: bool


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What is known of an engine without loading it.

    `install` is the command that would install it; `slowest` and `fastest` bound its speed, 1 being natural;
    `streaming` is whether it makes audio while it still reads text.
    """

    name: str
    installed: bool
    install: str
    default_model: str
    default_voice: str
    models: tuple[Model, ...]
    slowest: float
    fastest: float
    streaming: bool


class TtsEngine(Protocol):
    """One engine with one model. All but `info` and `voices` is called from one thread.

    `model` is one of `info().models`; the caller has looked. It may be asked to speak with a voice of another of its
    models, since a text can change the voice: it loads that too, or refuses.

    Attributes:
        economy: set before each job: memory is short, so work with less of it if there is a way (int8, shorter
            pieces), at the cost of quality if need be.
        degraded: cleared before each job; the engine sets it once it has done so, which the result tells. An engine
            without a cheaper way leaves it.
        check: set before each job: raises `Cancelled` once its client has gone. An engine that takes seconds for a
            sentence calls it now and then, and lets that pass through.
    """

    economy: bool
    degraded: bool
    check: Callable[[], None]

    def __init__(self, model: str) -> None: ...

    @classmethod
    def info(cls) -> EngineInfo:
        """The description, from files at most; works when the engine is not installed."""

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        """All voices, the missing ones too; none when the engine is not installed."""

    def load(self, report: Callable[[str], None]) -> None:
        """Imports and loads what every request needs; `report` says what it is doing.

        Raises:
            HushdError: `engine_missing` or `model_missing`.
        """

    def synthesize(self, text: str, voice: Voice, speed: float) -> Iterator[AudioChunk]:
        """Speaks a sentence or a part of one, a few hundred characters at most; yields nothing if nothing in it can
        be spoken. `speed` is within `slowest`..`fastest`.

        Raises:
            HushdError: `model_missing` when the voice is not installed. Nothing is ever downloaded.
        """
