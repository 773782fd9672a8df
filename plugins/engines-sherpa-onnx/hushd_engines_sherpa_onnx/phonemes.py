"""Texts as phonemes of the International Phonetic Alphabet, by espeak-ng's library (GPL-3.0), if it is installed.

Voices trained on its phonemes also need punctuation, which the library does not return: it only reports where in the
text each clause ends. It reads a letter of the next clause ahead, which is subtracted.
"""

from __future__ import annotations

import ctypes
import re
import unicodedata

from hushd_protocol.errors import HushdError
from hushd_worker_tts.engines.espeak_ng import INSTALL, find_library, initialize

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
