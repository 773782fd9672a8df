"""hibari: English speech with 8 MB per voice, about 175 times faster than real time on one core; Apache-2.0.

The voice heart and the phonemizer are in the wheel `hibari-tts`. Other voices are in the models folder,
where `hushd models pull` puts them, or in hibari's own cache folder, where its own command puts them; the engine
downloads nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any

from hushd_models import advice
from hushd_models.installation import engine_command
from hushd_protocol.errors import HushdError, reason
from hushd_schema import engines
from hushd_worker.background import Background
from hushd_worker.errors import load_error, loading

from hushd_worker_tts.engine import AudioChunk, Engine, Model, Voice
from hushd_worker_tts.engines.hibari_internals.reading import aligned

from .hibari_internals import reading
from .hibari_internals.dictionaries import Damaged, phonemizer, remove
from .hibari_internals.files import registry, vocabulary, voice_file

HIBARI_RATE = 24_000
# Words per minute of heart at speed 1, with its pauses between sentences: 529 words from two novels, 179 s. Its pace
# follows `speed` within 12 percent over the whole range.
HIBARI_WPM = 177
_LOUDNESS = {"heart": -26.0}  # LUFS, measured over five sentences; other voices are unknown
SPEC = engines.get("hibari")
INSTALL = engine_command(SPEC)
# hibari's own command also cuts after this many phonemes: memory and time grow faster than the length.
MAX_PHONEMES = 400
_CLAUSE_END = re.compile(r"[,;:—.!?…] ")


class Hibari(Engine):
    """The engine. One process serves all voices, with a session for each voice and a phonemizer for each accent.

    It cannot use less memory: its sentences are short, its weights 8 MB.
    """

    SPEC = SPEC
    reads_phonemes = True

    def __init__(self, model: str) -> None:
        self._sessions: dict[str, Any] = {}
        self._phonemizers: dict[bool, Any] = {}
        self._vocabulary: dict[str, int] = {}

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        return Model.well_known(SPEC, lambda name: cls.available())

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        return tuple(
            Voice(
                name=name,
                language=entry["language"],
                gender=entry["gender"],
                model="en",
                installed=voice_file(name).exists(),
                sample=f"Hello, my name is {name.capitalize()}.",
                wpm=HIBARI_WPM,
                loudness=_LOUDNESS.get(name),
            )
            for name, entry in registry().items()
        )

    def load(self, report: Callable[[str], None]) -> None:
        report("hibari and its voice heart")
        try:
            self._vocabulary = vocabulary()  # first, since hibari reads its files at its import, even pipes
            # Imported before a second thread starts: numpy fails when two threads import it at once, one of them from
            # within onnxruntime's C code.
            from .hibari_internals import session  # noqa: PLC0415 - imports onnxruntime

            self._runtime = session
            # onnxruntime builds its session without the interpreter lock, which everything else holds.
            loading = Background(lambda: self._session("heart"), "hibari-load")
            session.import_modules()
            self._phonemizer(british=False)
        except (ImportError, FileNotFoundError) as error:
            raise HushdError(
                "engine_missing", f"The engine hibari does not load ({reason(error)}): {INSTALL}."
            ) from error
        except Exception as error:  # a damaged dictionary may raise anything: zlib.error, KeyError, EOFError
            raise load_error("hibari/en", error, install=INSTALL, again="reinstall hibari") from error
        loading.result()

    def synthesize(self, text: str, voice: Voice, speed: float) -> Iterator[AudioChunk]:
        model = self._session(voice.name)
        noise = self._runtime.noise()
        phonemes, words = self._phonemes(text, british=registry()[voice.name]["british"])
        places = aligned(text, [word for word, _ in words])
        starts = [(place, start) for place, (_, start) in zip(places, words, strict=True) if place is not None]
        for first, last in _bounded(phonemes):
            known = [i for i in range(first, last) if phonemes[i] in self._vocabulary]
            if any(phonemes[i].isalpha() for i in known):
                ids = [0, *(self._vocabulary[phonemes[i]] for i in known), 0]
                samples, ends = self._runtime.speak(model, ids, speed, noise)
                # ends[n] is the end of ids[n] and the beginning of the phoneme known[n].
                marks = [
                    (place, float(ends[bisect_left(known, start)] / ends[-1]) * len(samples) / HIBARI_RATE)
                    for place, start in starts
                    if first <= start < last and len(ends)
                ]
                yield AudioChunk(samples, HIBARI_RATE, tuple(marks))

    def _session(self, name: str) -> Any:
        if name not in self._sessions:
            path = voice_file(name)
            if not path.exists():
                raise advice.missing(f"hibari/{name}")
            again = f"replace {path} by `hushd models pull hibari/{name}`"
            with loading(f"hibari/{name}", install=INSTALL, again=again):
                self._sessions[name] = self._runtime.open_session(path)
        return self._sessions[name]

    def _phonemizer(self, british: bool) -> Any:
        if british not in self._phonemizers:
            self._phonemizers[british] = phonemizer(british)
        return self._phonemizers[british]

    def _phonemes(self, text: str, british: bool) -> tuple[str, list[tuple[str, int]]]:
        """Returns the phonemes of a text, and hibari's words with their offsets in the phonemes."""
        try:
            return reading.read(self._phonemizer(british), text)
        except Damaged:
            remove(british)
            del self._phonemizers[british]
            return reading.read(self._phonemizer(british), text)


def _bounded(phonemes: str) -> Iterator[tuple[int, int]]:
    """Cuts at clauses, or else at spaces, into parts of at most MAX_PHONEMES; yields the beginning and end of each.

    A number of 60 digits is one word of text and a thousand phonemes.
    """
    start = 0
    while len(phonemes) - start > MAX_PHONEMES:
        end = start + MAX_PHONEMES
        clauses = [match.end() for match in _CLAUSE_END.finditer(phonemes, start + MAX_PHONEMES // 2, end)]
        cut = clauses[-1] if clauses else phonemes.rfind(" ", start + 1, end) + 1 or end
        yield start, cut
        start = cut
    yield start, len(phonemes)
