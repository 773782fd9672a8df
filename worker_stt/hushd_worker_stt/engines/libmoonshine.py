"""Binds the C library inside the `moonshine-voice` wheel directly.

The wheel's own Python layer imports an HTTP client (0.09 s of every cold start) and copies audio through lists of
floats. This binds the three functions that hushd needs, by `moonshine-c-api.h` of the pinned version, and passes arrays
without a copy.
"""

from __future__ import annotations

import ctypes
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

NAME = "libmoonshine.dylib" if sys.platform == "darwin" else "libmoonshine.so"
_HEADER_VERSION = 30_000  # of moonshine-c-api.h in moonshine-voice 0.1.0


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
    """The loaded library.

    Raises:
        OSError: this system cannot load it.
    """

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
        """Returns `status`, a handle or 0.

        Raises:
            RuntimeError: `status` is one of the library's error codes.
        """
        if status < 0:
            reason = self.functions.moonshine_error_to_string(status) or b"unknown error"
            raise RuntimeError(f"moonshine: {reason.decode(errors='replace')}")
        return status


class Transcriber:
    """A model with its options (strings of the C interface, described in Moonshine's README), loaded permanently.

    Handles are never freed: a worker's memory is returned when its process ends.

    Raises:
        RuntimeError: the model's files are missing or broken.
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
