"""Phonemes of the International Phonetic Alphabet, read by espeak-ng's library where it is here; GPL-3.0.

Voices that were trained on them say punctuation too, which the library keeps to itself: it tells only how far in the
text each clause goes. What it reads ahead, a letter of the next clause, is left out of account.
"""

from __future__ import annotations

import ctypes
import re
import unicodedata

from hushd_protocol.errors import HushdError

from .espeak_ng import INSTALL, find_library, initialize

_UTF8, _IPA = 1, 2  # of espeak_TextToPhonemes
_LANGUAGE = re.compile(r"\([a-z-]+\)")  # a mark that words of another language follow
_CLAUSE_END = re.compile(r"([,;:!?—–…])[^\w,;:!?—–…]*\w?$")
_STOP = re.compile(r"(?<!\W)[^\w.!?…]*+(?P<mark>[.!?…])\W*+$")


class Phonemes:
    """A reader of texts, in one process the only one: the library has one state.

    Raises:
        HushdError: `engine_missing` where the library or its data are not here.
    """

    def __init__(self) -> None:
        library = find_library()
        if library is None:
            raise HushdError("engine_missing", f"This voice reads by espeak-ng, which is not here: {INSTALL}.")
        self._library, folder = library
        initialize(self._library, folder)
        self._convert = self._library.espeak_TextToPhonemes
        self._convert.restype = ctypes.c_char_p
        self._convert.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]

    def read(self, text: str, voice: str) -> str:
        """The phonemes of a text, with commas and the like between clauses, decomposed as voices' tables have them.

        Args:
            voice: espeak-ng's name of a language, such as `en-us`.

        Raises:
            HushdError: `model_missing` where it does not speak that.
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
    """The sign at the end of a clause. A full stop within a sentence is that of an abbreviation."""
    end = _CLAUSE_END.search(clause)
    return end[1].translate(str.maketrans("—–…", ",,,")) if end else ""
