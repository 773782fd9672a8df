"""A voice of piper's as sherpa-onnx's makers publish it: its graph with notes, and a table of phonemes.

Of Supertonic, Pocket TTS, Kitten and Matcha there are none: their shapes would have to be read from their files.
"""

from __future__ import annotations

from . import piper
from .making import Part, text

# The first four make no sound: a pad, the beginning, the end and the space.
PHONEMES = (*"_^$ ", *".,!?;:", *"abcdefghijklmnopqrstuvwxyz", *"æçðøħŋœɐɑɒɔəɚɛɜɡɪɫɬɹɾʃʊʌʒʔθˈˌː")
_NOTES = {"language": "English", "voice": "en-us", "has_espeak": "1", "version": "1"}


def tokens() -> str:
    """The content of `tokens.txt`: a phoneme and its number a line, but the space's line has the number alone."""
    return "".join(f"{symbol} {number}\n" for number, symbol in enumerate(PHONEMES))


def vits(scale: int) -> list[Part]:
    """A voice of piper's, medium quality."""
    notes = {**_NOTES, "model_type": "vits", "comment": "piper", "n_speakers": "1", "sample_rate": str(piper.RATE)}
    return [text("tokens.txt", tokens()), piper.voice(scale, "model.onnx", notes)]
