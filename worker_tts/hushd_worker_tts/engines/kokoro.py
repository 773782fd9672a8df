"""kokoro: 54 natural voices in nine languages by one model of 82 million parameters; package `kokoro-onnx`.

The model and the voices are files `kokoro/kokoro-v1.0.onnx` and `kokoro/voices-v1.0.bin` in hushd's models folder,
from the package's releases; `hushd models pull` gets them. The weights are Apache-2.0 and the package MIT, but its
phonemes come from espeak-ng and phonemizer, which are GPL-3.0; hence the extra.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from hushd_models import advice, catalogue, weights
from hushd_models.installation import engine_command, package_command
from hushd_protocol.errors import HushdError, reason
from hushd_reading.pronunciation import phonemized
from hushd_schema import engines
from hushd_worker import compute_device
from hushd_worker.errors import importing, loading
from hushd_worker.quick_start import read_ahead

from hushd_worker_tts.engine import AudioChunk, Engine, Model, Voice, greeting, usual_model

from . import phoneme_voices
from .phoneme_voices import session, word_marks

SPEC = engines.get("kokoro")
INSTALL = engine_command(SPEC)
# The usual pace of reading aloud; not measured, since its weights were not available.
WPM = 170
# espeak's name for the language of a voice, by the first letter of the voice's name; Japanese and Chinese need misaki,
# which kokoro's makers use for them, too.
_ESPEAK = {
    "a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "j": "", "p": "pt-br", "z": "",
}  # fmt: skip
_SENTENCE_PAUSE_S = 0.25  # seconds after a sentence, since the package removes the model's silence


class Kokoro(Engine):
    """The engine. Other files, fp16 and int8, are separate models; int8 takes more memory, but for its weights."""

    SPEC = SPEC
    reads_phonemes = True

    def __init__(self, model: str) -> None:
        self._model = model
        self._kokoro: Any = None
        self._readers: dict[str, Any] = {}

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        ready = cls.available() and _voices_file() is not None
        spoken = tuple(dict.fromkeys(voice.language for voice in catalogue.voices("kokoro")))
        return phoneme_voices.models(SPEC, _files(), lambda _: spoken, ready)

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        if not cls.available():
            return ()
        models = cls.models()
        names = _voice_names() if any(model.installed for model in models) else frozenset()
        return tuple(
            Voice(
                name=voice.name,
                language=voice.language,
                gender=voice.gender,
                model=usual_model(SPEC, models),
                installed=voice.name in names and (bool(_ESPEAK[voice.name[0]]) or find_spec("misaki") is not None),
                sample=greeting(voice.language, voice.name[3:].capitalize()),
                wpm=WPM,
            )
            for voice in catalogue.voices("kokoro")
        )

    def load(self, report: Callable[[str], None]) -> None:
        report(f"kokoro and its model {self._model}")
        model, voices = _files().get(self._model), _voices_file()
        read_ahead(filter(None, [model]))
        with importing("The engine kokoro does not load", INSTALL):
            import numpy.random  # noqa: F401  (first, by this one thread)
            from kokoro_onnx import Kokoro as Package

            _without_copies()
        if model is None or voices is None:
            raise advice.missing(f"kokoro/{self._model}")
        with self._loading():
            loaded = session(model)
            self._kokoro = Package.from_session(loaded, str(voices))
            self.compute_device = compute_device.of_sessions([loaded])

    def _loading(self) -> AbstractContextManager[None]:
        name = f"kokoro/{self._model}"
        return loading(name, install=INSTALL, again=f"replace it by `hushd models pull {name}`")

    def synthesize(self, text: str, voice: Voice, speed: float) -> Iterator[AudioChunk]:
        import numpy as np

        if voice.name not in self._kokoro.get_voices():
            raise HushdError(
                "model_missing",
                f"The voice {voice.name} is not in {_voices_file()}: `hushd models pull kokoro/{self._model}` gets it.",
            )
        phonemes = self._phonemes(text, voice)
        if not any(c.isalpha() for c in self._kokoro.tokenizer.known(phonemes)):
            return
        with self._loading():  # a damaged file of all voices, read at a voice's first use, makes many libraries raise
            style = self._kokoro.get_voice_style(voice.name)
        samples, rate, timings = self._kokoro.create_timed(phonemes, style, speed, is_phonemes=True)
        marks = word_marks(text, ((timing.phoneme, timing.start) for timing in timings))
        pause = np.zeros(int(_SENTENCE_PAUSE_S * rate), np.float32)
        yield AudioChunk(np.concatenate([samples.astype(np.float32, copy=False), pause]), rate, marks)

    def _phonemes(self, text: str, voice: Voice) -> str:
        espeak = _ESPEAK[voice.name[0]]
        if espeak:
            return phonemized(text, lambda words: str(self._kokoro.tokenizer.phonemize(words, espeak)) if words else "")
        if voice.name[0] not in self._readers:
            try:
                if voice.name[0] == "j":
                    from misaki.ja import JAG2P as Reader
                else:
                    from misaki.zh import ZHG2P as Reader
            except ImportError as error:
                extra = "ja" if voice.name[0] == "j" else "zh"
                raise HushdError(
                    "engine_missing",
                    f"The voice {voice.name} needs misaki to read its language ({reason(error)}): "
                    f"{package_command(f'misaki[{extra}]')}.",
                ) from error
            self._readers[voice.name[0]] = Reader()
        return str(self._readers[voice.name[0]](text)[0])


def _without_copies() -> None:
    """Makes phonemizer remove its copies of espeak's library after loading them. It would do so at Python's regular
    exit, which a worker skips, so that each worker would leave 1.3 MB in the temporary folder."""
    from phonemizer.backend.espeak import api, wrapper

    class Unlinked(api.EspeakAPI):  # type: ignore[misc, unused-ignore]
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            shutil.rmtree(self._tempdir, ignore_errors=True)

        @staticmethod
        def _delete(library: Any, tempdir: str) -> None:
            shutil.rmtree(tempdir, ignore_errors=True)  # the library did not load, and leaves its folder

    wrapper.EspeakAPI = Unlinked


# --- its files -------------------------------------------------------------------------------------------------------


def _files() -> dict[str, Path]:
    """Returns the installed models by name."""
    return {path.stem: path for path in weights.entries("kokoro") if path.suffix == ".onnx" and path.is_file()}


def _voices_file() -> Path | None:
    return next((path for path in weights.entries("kokoro") if path.match("voices*.bin") and path.is_file()), None)


def _voice_names() -> frozenset[str]:
    """Returns the voices in the file of voices; all that are known if it is damaged, which loading tells."""
    if (file := _voices_file()) is None:
        return frozenset()
    try:
        with ZipFile(file) as voices:
            return frozenset(Path(name).stem for name in voices.namelist())
    except (OSError, BadZipFile):
        return frozenset(voice.name for voice in catalogue.voices("kokoro"))
