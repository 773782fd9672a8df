"""Shared by voices that speak phonemes, Kokoro's and Piper's: sessions of ONNX Runtime, times of words from those of
phonemes, and texts as phonemes of the International Phonetic Alphabet.

The last by espeak-ng's library (GPL-3.0), if it is installed. Voices trained on its phonemes also need punctuation,
which the library does not return: it only reports where in the text each clause ends. It reads a letter of the next
clause ahead, which is subtracted."""

from __future__ import annotations

import ctypes
import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_worker import compute_device
from hushd_worker.onnx_session import open_session

from .espeak_ng import INSTALL, find_library, initialize


def session(path: Path) -> Any:
    """Returns a session on the configured device, or else on a card that the runtime supports.

    On the CPU it has OMP_NUM_THREADS threads, by default one per core, and weights mapped from the file. Prepacked
    weights stay prepacked: for a voice of piper they are small, and its output stays identical bit for bit.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
    # The arena would keep the memory of the longest sentence.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 3
    providers = compute_device.onnx_providers(onnxruntime)
    return open_session(onnxruntime.InferenceSession, path, options, providers, prepack=True)


def word_marks(text: str, phonemes: Iterable[tuple[str, float]]) -> tuple[tuple[int, float], ...]:
    """Returns the offsets and times of the words in `text`, as `AudioChunk.marks`.

    Returns none if the phonemes have a different number of words, since espeak joins some small ones.

    Args:
        phonemes: the phonemes in order, with their starts in seconds; spaces separate words.
    """
    starts: list[float] = []
    inside = False
    for phoneme, seconds in phonemes:
        if phoneme.isspace():
            inside = False
        elif not inside and phoneme.isalpha():
            starts.append(seconds)
            inside = True
    places: list[int] = []
    end = 0
    for word in text.split():
        place = text.index(word, end)
        end = place + len(word)
        if any(c.isalnum() for c in word):
            places.append(place)
    return tuple(zip(places, starts, strict=True)) if len(places) == len(starts) else ()


_UTF8, _IPA = 1, 2  # of espeak_TextToPhonemes
_LANGUAGE = re.compile(r"\([a-z-]+\)")  # the mark before words of another language
_CLAUSE_END = re.compile(r"([,;:!?—–…])[^\w,;:!?—–…]*\w?$")
_STOP = re.compile(r"(?<!\W)[^\w.!?…]*+(?P<mark>[.!?…])\W*+$")


class Phonemes:
    """A reader of texts, of which a process may only have one, since the library has global state.

    Raises:
        HushdError: `engine_missing` if the library or its data are missing.
    """

    def __init__(self) -> None:
        library = find_library()
        if library is None:
            raise HushdError("engine_missing", f"This voice needs espeak-ng, which is not installed: {INSTALL}.")
        self._library, folder = library
        initialize(self._library, folder)
        self._convert = self._library.espeak_TextToPhonemes
        self._convert.restype = ctypes.c_char_p
        self._convert.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]

    def read(self, text: str, voice: str) -> str:
        """Returns the phonemes of a text, with punctuation between clauses, decomposed as in voices' tables.

        Args:
            voice: espeak-ng's name of a language, such as `en-us`.

        Raises:
            HushdError: `model_missing` if espeak-ng does not have that language.
        """
        names = (voice, voice.partition("-")[0])  # `fr-fr` is only `fr`
        if all(self._library.espeak_SetVoiceByName(name.encode()) for name in names):
            raise HushdError("model_missing", f"espeak-ng has no voice {voice[:40]!r}: {INSTALL}.")
        data = text.replace("\0", " ").encode("utf-8", "replace")
        buffer = ctypes.create_string_buffer(data)
        begin = ctypes.addressof(buffer)
        place, clauses = ctypes.c_void_p(begin), list[str]()
        while place.value is not None:
            start = place.value - begin
            phonemes = (self._convert(ctypes.byref(place), _UTF8, _IPA) or b"").decode("utf-8", "replace").strip()
            end = len(data) if place.value is None else place.value - begin
            if phonemes:
                clauses.append(phonemes + _sign(data[start:end].decode("utf-8", "replace")))
        spoken = _LANGUAGE.sub("", " ".join(clauses))
        if spoken and (stop := _STOP.search(text)):
            spoken = spoken.rstrip(",;:!?") + stop["mark"].replace("…", ".")
        return unicodedata.normalize("NFD", spoken)


def _sign(clause: str) -> str:
    """Returns the punctuation at the end of a clause. A full stop inside a sentence belongs to an abbreviation."""
    end = _CLAUSE_END.search(clause)
    return end[1].translate(str.maketrans("—–…", ",,,")) if end else ""
