"""The contract of a text-to-speech engine, and its types. Light: no numpy at run time.

An engine is a class that its spec names. Its module must import in milliseconds, since `--describe` imports it;
everything heavy belongs in `load`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from hushd_models import languages
from hushd_models.installation import engine_installed
from hushd_worker.engine import BaseEngine
from hushd_worker.engine import Model as Model  # engines of other packages import it from here, too

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from hushd_schema.engines import EngineSpec

Samples: TypeAlias = "npt.NDArray[np.float32]"  # a text, so that this module does without numpy


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """A piece of speech.

    Attributes:
        samples: float32 mono, shape (n,), nominally in -1..1.
        rate: Hz.
        marks: for each word whose time the engine knows, its offset in the engine's text, in characters, and its start,
            in seconds from the beginning of this piece; both ascend.
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
        sample: a sentence with which it might introduce itself.
        wpm: words per minute at speed 1.
        loudness: the LUFS of its unchanged speech; None: hushd measures it.
    """

    name: str
    language: str
    gender: str
    model: str
    installed: bool
    sample: str
    wpm: int
    loudness: float | None = None


def usual_model(spec: EngineSpec, models: Collection[Model]) -> str:
    """Returns an engine's usual model, or the first of those that are here where that one is not. A file of the user's
    that cannot be used is here, too: its use reports the mistake."""
    here = {model.name for model in models if model.installed or model.name not in spec.models}
    return spec.default_model if spec.default_model in here or not here else min(here)


def usual_voice(spec: EngineSpec, models: Collection[Model]) -> str:
    """Returns an engine's usual voice; empty without a model that has one."""
    return spec.default_voice or (usual_model(spec, models) if models else "")


class Engine(BaseEngine):
    """A `BaseEngine` that speaks. All methods of its instances are called from one thread, or from `parallel`.

    A text can change the voice, even to one of another model: the engine loads that, too, or refuses.

    Args:
        model: one of `models()`: the caller has checked that.

    Attributes:
        reads_phonemes: set by `load`, if not for all models: whether a text may have words in the International
            Phonetic Alphabet, which `reading.phonemes.parts` separates from others.
        begins_early: set by `load`: whether a piece's first sound comes well before its last, so that a long first
            sentence need not be divided.
        ahead_s: set before each piece: the seconds of sound before it that are still to be heard, at least; infinite
            where nobody hears it before it is whole.
        parallel: set by `load`: the number of pieces that it makes at once, on as many threads.
        unread: set by `synthesize`: letters of the text whose names it says instead of reading them.
        takes_extra: whether it passes a request's further fields on.
        extra: set before each piece: these fields.
    """

    reads_phonemes: bool = False
    begins_early: bool = False
    ahead_s: float = 0.0
    parallel: int = 1
    unread: str = ""
    takes_extra: ClassVar[bool] = False
    extra: Mapping[str, Any] = MappingProxyType({})

    @abstractmethod
    def __init__(self, model: str) -> None: ...

    @classmethod
    def available(cls) -> bool:
        """Returns whether it can run here, by default with its packages."""
        return engine_installed(cls.SPEC)

    @classmethod
    @abstractmethod
    def voices(cls) -> tuple[Voice, ...]:
        """Returns all voices, even missing ones; none if the engine is not installed."""

    @abstractmethod
    def load(self, report: Callable[[str], None]) -> None:
        """Imports and loads everything that all requests need; calls `report` with its present step. Raises
        `engine_missing` or `model_missing`."""

    @abstractmethod
    def synthesize(self, text: str, voice: Voice, speed: float) -> Iterator[AudioChunk]:
        """Speaks a sentence or a part of one, a few hundred characters at most, at a speed within
        `slowest`..`fastest`; yields nothing if nothing in it can be spoken. Raises `model_missing` if the voice is not
        installed: an engine never downloads anything."""


_GREETINGS = {
    "ar": "مرحبا، اسمي {}.", "bg": "Здравейте, казвам се {}.", "ca": "Hola, em dic {}.",
    "cs": "Dobrý den, jmenuji se {}.",
    "da": "Hej, jeg hedder {}.", "de": "Hallo, ich heiße {}.", "el": "Γεια σας, με λένε {}.",
    "en": "Hello, my name is {}.", "es": "Hola, me llamo {}.", "fa": "سلام، اسم من {} است.",
    "fi": "Hei, minun nimeni on {}.", "fr": "Bonjour, je m'appelle {}.", "he": "שלום, שמי {}.",
    "hi": "नमस्ते, मेरा नाम {} है।", "hr": "Bok, zovem se {}.", "hu": "Jó napot, {} vagyok.",
    "id": "Halo, nama saya {}.", "it": "Ciao, mi chiamo {}.", "ja": "こんにちは、{}です。",
    "ko": "안녕하세요, 저는 {}입니다.",
    "nl": "Hallo, ik heet {}.", "no": "Hei, jeg heter {}.", "pl": "Dzień dobry, nazywam się {}.",
    "pt": "Olá, o meu nome é {}.", "ro": "Bună ziua, mă numesc {}.", "ru": "Здравствуйте, меня зовут {}.",
    "sk": "Dobrý deň, volám sa {}.", "sv": "Hej, jag heter {}.", "tr": "Merhaba, benim adım {}.",
    "uk": "Добрий день, мене звати {}.", "vi": "Xin chào, tôi tên là {}.", "zh": "你好，我叫{}。",
}  # fmt: skip


def greeting(language: str, name: str) -> str:
    """Returns an introduction of the voice `name`; only its name in languages that are not in the table."""
    return _GREETINGS.get(languages.code(language), "{}.").format(name)
