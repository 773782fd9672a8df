"""espeak-ng: 130 languages and accents in 13 MB, robotic and fast; GPL-3.0, so hushd does not include it.

It uses the library of the system (package `espeak-ng`, or `libespeak-ng1`), or else of the Python package
`espeakng-loader`. A sentence takes 1 ms by the library and 20 to 70 ms by the program, and only the library reports
when each word begins.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hushd_models.installation import engine_command
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema import engines
from hushd_worker.errors import check_files
from msgspec.structs import replace

from hushd_worker_tts.engine import AudioChunk, Engine, Model, Voice, greeting

SPEC = engines.get("espeak-ng")
INSTALL = engine_command(SPEC)
RATE_WPM = 175  # words per minute: espeak's natural rate
# Words per minute in ordinary text at that rate, with pauses; hibari speaks the same text at 177.
ESPEAK_WPM = 190
_SLOWEST_WPM, _FASTEST_WPM = 80, 450  # espeak's own limits
_LIBRARIES = {
    "linux": ("libespeak-ng.so.1",),
    "darwin": ("libespeak-ng.1.dylib", "/opt/homebrew/lib/libespeak-ng.1.dylib", "/usr/local/lib/libespeak-ng.1.dylib"),
}

_SYNCHRONOUS, _BUFFER_MS, _NO_EXIT = 2, 500, 0x8000  # constants of espeak_Initialize
_ESPEAK_RATE = 1  # constant of espeak_SetParameter
_POSITION_IN_CHARACTERS, _UTF8, _END_PAUSE = 1, 1, 0x1000  # constants of espeak_Synth
_SHOWN = 20  # characters of a text that cannot be read
_LIST_END_EVENT, _WORD_EVENT = 0, 1  # constants of espeak_EVENT


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h; its last field is a union of eight bytes."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # characters, the first is 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class EspeakNg(Engine):
    """The engine. It cannot use less memory; one worker speaks with all voices."""

    SPEC = replace(SPEC, slowest=_SLOWEST_WPM / RATE_WPM, fastest=_FASTEST_WPM / RATE_WPM)

    def __init__(self, model: str) -> None:
        self._library: Any = None
        self._rate = 0
        self._blocks: list[bytes] = []
        self._marks: list[tuple[int, int]] = []  # character and sample
        self._callback = _Callback(self._on_sound)  # kept alive here, since espeak holds no reference to it

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        return Model.well_known(cls.SPEC, lambda name: cls.available())

    @classmethod
    def available(cls) -> bool:
        return find_library() is not None

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        return tuple(voice for voice, _ in _voices().values())

    def load(self, report: Callable[[str], None]) -> None:
        report("espeak-ng")
        library = find_library()
        if library is None:
            raise HushdError("engine_missing", f"The engine espeak-ng is not installed: {INSTALL}.")
        self._library, folder = library
        self._rate = initialize(self._library, folder, _BUFFER_MS)
        self._library.espeak_SetSynthCallback(self._callback)
        import numpy  # noqa: F401

    def synthesize(self, text: str, voice: Voice, speed: float) -> Iterator[AudioChunk]:
        if not any(c.isalnum() for c in text):
            return  # espeak would spell punctuation out
        _, file = _voices()[voice.name]
        if self._library.espeak_SetVoiceByName(file.encode()):
            raise HushdError("model_missing", f"espeak-ng has no voice {file} any more: reinstall it.")
        self._library.espeak_SetParameter(_ESPEAK_RATE, round(speed * RATE_WPM), 0)
        self.unread = self._unread(text)
        self._blocks, self._marks = [], []
        data = text.encode("utf-8", "replace")
        flags = _UTF8 | _END_PAUSE
        if self._library.espeak_Synth(data, len(data) + 1, 0, _POSITION_IN_CHARACTERS, 0, flags, None, None):
            raise HushdError("worker_failed", "espeak-ng could not speak this text.")
        if wave := b"".join(self._blocks):
            import numpy as np

            samples = np.frombuffer(wave, "<i2").astype(np.float32) / np.float32(32768)
            marks = tuple((place, sample / self._rate) for place, sample in self._marks)
            yield AudioChunk(samples, self._rate, marks)

    def _unread(self, text: str) -> str:
        """Returns the beginning of a text in another script than Latin whose letters the voice would name in English,
        as Japanese names Chinese ones; empty for any other text."""
        words = " ".join(re.findall(r"[^\W\d_\x00-\u024f]+", text))
        if 2 * len(words) < sum(map(str.isalpha, text)) or not words:
            return ""
        place = ctypes.c_char_p(words.encode())
        phonemes = self._library.espeak_TextToPhonemes(ctypes.byref(place), _UTF8, 0) or b""
        return words[:_SHOWN] if b"(en)" in phonemes else ""

    def _on_sound(self, wave: Any, count: int, events: Any) -> int:
        """Receives pieces of audio and their events from espeak; returns 0, which means continue."""
        if wave and count > 0:
            self._blocks.append(ctypes.string_at(wave, count * 2))
        index = 0
        while events[index].type != _LIST_END_EVENT:
            if events[index].type == _WORD_EVENT:
                place, sample = max(events[index].text_position - 1, 0), events[index].sample
                if not self._marks or (place > self._marks[-1][0] and sample >= self._marks[-1][1]):
                    self._marks.append((place, sample))
            index += 1
        return 0


@cache
def find_library() -> tuple[Any, Path] | None:
    """Returns the library and its data folder; takes 8 ms, mostly for the libraries linked with it."""
    for name, folder in (*((name, None) for name in _LIBRARIES.get(sys.platform, ())), *_packaged()):
        try:
            library = ctypes.CDLL(name)
            library.espeak_Info.restype = library.espeak_TextToPhonemes.restype = ctypes.c_char_p
            library.espeak_ng_InitializePath(None if folder is None else str(folder).encode())
            path = ctypes.c_char_p()
            library.espeak_Info(ctypes.byref(path))
        except (OSError, AttributeError):  # missing, or older than espeak-ng 1.49
            continue
        data = Path((path.value or b"").decode())
        if (data / "phontab").is_file():
            return library, data
    return None


def initialize(library: Any, folder: Path, buffer_ms: int = 0) -> int:
    """Makes the library read its data, and returns its sample rate. Raises `engine_missing` if that fails."""
    # The library creates a PulseAudio client that it never uses, which without a session folder would create folders.
    os.environ.setdefault("PULSE_RUNTIME_PATH", str(paths.find().runtime))
    try:
        check_files(folder)
        rate: int = library.espeak_Initialize(_SYNCHRONOUS, buffer_ms, str(folder).encode(), _NO_EXIT)
    except (OSError, ValueError):
        rate = 0
    if rate <= 0:
        raise HushdError("engine_missing", f"espeak-ng cannot read its data in {folder}: reinstall it.")
    return rate


def _packaged() -> Iterator[tuple[str, Path | None]]:
    """Yields the library of the package espeakng-loader, without importing the package."""
    spec = find_spec("espeakng_loader")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        name = "libespeak-ng.dylib" if sys.platform == "darwin" else "libespeak-ng.so"
        yield str(folder / name), folder / "espeak-ng-data"


@cache
def _voices() -> dict[str, tuple[Voice, str]]:
    """Returns all voices by name, with espeak's own names: those of the files in its folder of languages.

    espeak's own list takes 22 ms, and reading the folder 2 ms.
    """
    library = find_library()
    if library is None:
        return {}
    languages = library[1] / "lang"
    files = [path for path in languages.rglob("*") if path.is_file() and _has_dictionary(library[1], path)]
    voices = [(_voice(path.name), str(path.relative_to(languages))) for path in files]
    return {voice.name: (voice, file) for voice, file in sorted(voices, key=lambda entry: entry[0].name)}


def _has_dictionary(data: Path, file: Path) -> bool:
    """Returns whether a voice has a dictionary: espeak lists some languages that are silent without one."""
    return (data / f"{file.name.partition('-')[0]}_dict").is_file() or b"dictionary" in file.read_bytes()


def _voice(file: str) -> Voice:
    first, _, rest = file.partition("-")
    bare = {"en": "en-GB", "pt": "pt-PT"}.get(file, file)
    language = f"zh-{rest}".rstrip("-") if first == "cmn" else bare
    return Voice(f"espeak-{file.lower()}", language, "male", "all", True, greeting(language, "eSpeak"), ESPEAK_WPM)
