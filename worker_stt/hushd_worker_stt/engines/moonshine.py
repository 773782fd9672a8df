"""Moonshine: a small English model inside its wheel, fast on a CPU, by its C library.

The wheel's own Python layer imports an HTTP client (0.09 s of every cold start) and copies audio through lists of
floats. This binds the three functions that hushd needs, by `moonshine-c-api.h` of the pinned version, and passes arrays
without a copy."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

from hushd_models.installation import extra_command, package_command
from hushd_protocol.errors import HushdError
from hushd_schema import engines
from hushd_worker.errors import load_error

from hushd_worker_stt import wording
from hushd_worker_stt.engine import RATE, Engine, LevelRange, Options, PieceLength, Segment

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Rating, Samples, Scoring

    from . import moonshine_rating

_TINY = 0  # MOONSHINE_MODEL_ARCH_TINY
_STEP_SAMPLES = 1600  # samples that the transcriber takes at a time; it drops a shorter remainder
# The whole piece is one line, since the library's own segmentation drops quiet speech (36 % of the words of ten clips
# were wrong with it, 12 % without). A hop of 512 copies the piece so far 31 times a second, 1600 only 10 times.
_WHOLE = {
    "vad_threshold": "0",
    "vad_max_segment_duration": "120",
    "vad_hop_size": str(_STEP_SAMPLES),
    "vad_look_behind_sample_count": str(_STEP_SAMPLES),
    "identify_speakers": "false",
    "return_audio_data": "false",
}


class Moonshine(Engine):
    """The engine `moonshine`. It has no word times, since the wheel contains no alignment model."""

    SPEC = engines.get("moonshine")
    # Ten minutes of read speech lost words at the edges of pieces of 3 to 10 s; 8 to 15 s made 2.9 % errors at a peak
    # of 293 MB, 10 to 20 s made 3.1 % at 377 MB, since an encoder's memory grows with the square of the piece.
    PIECE = PieceLength(8.0, 15.0)
    # 268 instead of 330 MB at the peak, and 4 to 5 instead of 2 % errors in a paragraph read aloud.
    PIECE_ECONOMY = PieceLength(5.0, 10.0)
    # A level of 0.35, without clipping, makes 14.3 instead of 16.0 % of the words of five clips wrong, over twelve
    # beginnings and levels, but with loud rumble 20.6 and 21.5 instead of 18.7 and 15.0 %: docs/BENCHMARKS.md.
    LEVEL = LevelRange(0.7, 0.7)
    HABITS = wording.MOONSHINE

    @classmethod
    def installed(cls, model: str) -> bool:
        folder = package()
        return folder is not None and (folder / "assets" / model / "encoder_model.ort").is_file()

    def load(self, model: str, report: Callable[[str], None]) -> None:
        folder = package()
        if folder is None:
            raise HushdError("engine_missing", f"The engine 'moonshine' is not installed: {self.install()}.")
        if not self.installed(model):
            raise HushdError(
                "model_missing",
                f"The installed moonshine-voice does not contain the model {model!r}: "
                f"{package_command('moonshine-voice==0.1.0')}.",
            )
        try:
            library = Library(folder)
        except OSError as error:
            raise HushdError(
                "engine_missing",
                "Moonshine's library does not load here, it needs Linux with glibc 2.34 or macOS 15 on arm64 "
                f"({error}): {extra_command('whisper')} instead.",
            ) from error
        report("loading the model")
        try:
            self._files = folder / "assets" / model
            self._used: Callable[[], moonshine_rating.Rating | None] = lambda: None
            self._transcriber = Transcriber(library, self._files, _TINY, _WHOLE)
        except RuntimeError as error:
            raise load_error(
                f"moonshine/{model}", error, install=self.install(), again="reinstall moonshine-voice"
            ) from error

    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        import numpy as np

        whole_hops = np.pad(samples, (0, -len(samples) % _STEP_SAMPLES))
        if text := self._transcriber.text(whole_hops, RATE):
            # The model sometimes repeats commas.
            yield Segment(0.0, len(samples) / RATE, re.sub(",+", ",", text))

    def rating(self) -> Rating | None:
        return self._outside()

    def scoring(self, language: str) -> Scoring | None:
        outside = self._outside()
        return None if outside is None else outside.score

    def _outside(self) -> moonshine_rating.Rating | None:
        """Returns the model as onnxruntime runs it; the one that is in use."""
        if (used := self._used()) is not None:
            return used
        try:
            from . import moonshine_rating  # noqa: PLC0415 - imports onnxruntime

            outside = moonshine_rating.Rating(self._files)
        except Exception:  # onnxruntime is missing, or has no memory: its exceptions share no other base
            return None
        self._used = ref(outside)
        return outside


NAME = "libmoonshine.dylib" if sys.platform == "darwin" else "libmoonshine.so"
_HEADER_VERSION = 30_000  # version of moonshine-c-api.h in moonshine-voice 0.1.0


class _Option(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("value", ctypes.c_char_p)]


class _Line(ctypes.Structure):
    _fields_ = [
        ("text", ctypes.c_char_p),
        ("audio_data", ctypes.c_void_p),
        ("audio_data_count", ctypes.c_size_t),
        ("start_time", ctypes.c_float),
        ("duration", ctypes.c_float),
        ("id", ctypes.c_uint64),
        ("is_complete", ctypes.c_int8),
        ("is_updated", ctypes.c_int8),
        ("is_new", ctypes.c_int8),
        ("has_text_changed", ctypes.c_int8),
        ("have_speakers_changed", ctypes.c_int8),
        ("speaker_spans", ctypes.c_void_p),
        ("speaker_span_count", ctypes.c_uint64),
        ("last_transcription_latency_ms", ctypes.c_uint32),
        ("words", ctypes.c_void_p),
        ("word_count", ctypes.c_uint64),
    ]


class _Transcript(ctypes.Structure):
    _fields_ = [("lines", ctypes.POINTER(_Line)), ("line_count", ctypes.c_uint64)]


def package() -> Path | None:
    """Returns the folder of the installed wheel, without importing it; None if it is not installed."""
    spec = find_spec("moonshine_voice")
    return Path(spec.origin).parent if spec and spec.origin else None


class Library:
    """The loaded library. Raises OSError if this system cannot load it."""

    def __init__(self, folder: Path) -> None:
        self.functions = ctypes.CDLL(str(folder / NAME))
        i32, u32, u64, pointer = ctypes.c_int32, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p
        transcript = ctypes.POINTER(ctypes.POINTER(_Transcript))
        for name, arguments in {
            "load_transcriber_from_files": [ctypes.c_char_p, u32, ctypes.POINTER(_Option), u64, i32],
            "transcribe_without_streaming": [i32, pointer, u64, i32, u32, transcript],
        }.items():
            getattr(self.functions, f"moonshine_{name}").argtypes = arguments
        self.functions.moonshine_error_to_string.restype = ctypes.c_char_p

    def check(self, status: int) -> int:
        """Returns `status`, a handle or 0. Raises RuntimeError for the library's error codes."""
        if status < 0:
            reason = self.functions.moonshine_error_to_string(status) or b"unknown error"
            raise RuntimeError(f"moonshine: {reason.decode(errors='replace')}")
        return status


class Transcriber:
    """A model with its options (strings of the C interface, described in Moonshine's README), loaded permanently.

    Handles are never freed: a worker's memory is returned when its process ends. Raises RuntimeError if the model's
    files are missing or broken.
    """

    def __init__(self, library: Library, model: Path, architecture: int, options: dict[str, str]) -> None:
        self._library = library
        self._functions = library.functions
        array = (_Option * len(options))(*(_Option(k.encode(), v.encode()) for k, v in options.items()))
        self._handle = library.check(
            self._functions.moonshine_load_transcriber_from_files(
                bytes(model), architecture, array, len(options), _HEADER_VERSION
            )
        )

    def text(self, samples: Samples, rate: int) -> str:
        """Returns the text of `samples`, which must be contiguous float32."""
        transcript = ctypes.POINTER(_Transcript)()
        self._library.check(
            self._functions.moonshine_transcribe_without_streaming(
                self._handle, samples.ctypes.data, len(samples), rate, 0, ctypes.byref(transcript)
            )
        )
        lines = transcript.contents.lines[: transcript.contents.line_count]
        return " ".join((line.text or b"").decode(errors="replace").strip() for line in lines).strip()
