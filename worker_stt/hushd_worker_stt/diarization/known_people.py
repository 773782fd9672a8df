"""Recognises people by their voices: the name of a voice, or none if it is uncertain. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from hushd_schema.results import VOICEPRINT_MODEL

from .turns import Voice

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

SURE_S = 0.9  # of speech: less is not named by itself
# The lowest cosine with a person's voiceprint for the person's own voice, by seconds of speech. Of 10,000 pairs of
# different people none had more than 0.44 in 0.9 s and more, 0.41 in 2 s, 0.34 in 3.5 s; through a telephone or in a
# room, less (`scripts/bench people`).
_SECONDS = (SURE_S, 2.0, 4.0)
_SAME = (0.50, 0.47, 0.45)
_RESEMBLES = 0.30  # the cosine that 1 in 100 voices of other people reach in a second
_APART = 0.10  # by which a person must be nearer than any other known one


class KnownPeople:
    """Names voices.

    Args:
        voiceprints: voiceprints by name, as made by `voiceprint`.
    """

    def __init__(self, voiceprints: Mapping[str, str]) -> None:
        self._names = tuple(voiceprints)
        self._rows = np.array([_embedding(text) for text in voiceprints.values()], np.float32)

    def name(self, voice: Voice) -> str:
        """Returns the name of `voice`; empty if it resembles nobody enough, or two people equally."""
        return self._nearest(voice, float(np.interp(voice.seconds, _SECONDS, _SAME)), _APART)

    def name_of_turn(self, turn: Voice, speaker: Voice) -> str:
        """Returns the name of a turn: by its own voice if that is certain, or else by its speaker's voice, which it
        must resemble, since an assumed speaker may be two people."""
        name = self.name(turn) or self.name(speaker)
        return name if name and self._nearest(turn, _RESEMBLES, 0.0) == name else ""

    def _nearest(self, voice: Voice, least: float, apart: float) -> str:
        """Returns the person with the highest cosine, if it is at least `least`, and exceeds anybody else's by
        `apart`."""
        if not self._names or voice.seconds < SURE_S:
            return ""
        cosines = self._rows @ voice.embedding
        nearest = int(np.argmax(cosines))
        others = float(np.max(np.delete(cosines, nearest), initial=-1.0))
        return self._names[nearest] if cosines[nearest] >= max(least, others + apart) else ""


def voiceprint(embedding: Samples) -> str:
    """Returns an embedding of length 1 as text (`hushd_schema.results`)."""
    return f"{VOICEPRINT_MODEL}:{base64.b64encode(embedding.astype('<f2').tobytes()).decode()}"


def _embedding(text: str) -> Samples:
    """Returns the embedding of a voiceprint, of length 1; zeros, which resemble nobody, if it has no direction."""
    row = np.frombuffer(base64.b64decode(text.partition(":")[2]), "<f2").astype(np.float32)
    length = float(np.linalg.norm(row))
    embedding: Samples = row / length if np.isfinite(length) and length > 0 else np.zeros_like(row)
    return embedding
