"""The people whose voices are known: the name of a voice, or none where that is not sure. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from hushd_schema.voiceprint import MODEL

from .turns import Voice

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

SURE_S = 0.9  # of speech: less has no name of its own
# The cosine with a voiceprint from which a voice of so many seconds is that person's. Of 10,000 pairs of different
# people none had more than 0.44 in 0.9 s and more, 0.41 in 2 s, 0.34 in 3.5 s; with a telephone or a room in between,
# less (`scripts/bench people`).
_SECONDS = (SURE_S, 2.0, 4.0)
_SAME = (0.50, 0.47, 0.45)
_RESEMBLES = 0.30  # the cosine that 1 in 100 voices of other people have in a second
# The cosine from which a voice is that of the one person who is looked for. Of 3107 utterances of others, of 1.5 to 3 s
# each, 5 had it; of the owner's in another recording 26 of 33 of 1.5 s, 23 of 27 of 2 s, 18 of 19 of 3 s
# (`scripts/bench people`).
_OWNER = 0.40
_APART = 0.10  # by which that person has to be nearer than anybody else who is known


class KnownPeople:
    """Names voices.

    Args:
        voiceprints: by name, each as `voiceprint` makes it.
        owner: the one of them who is looked for, by the voice of a turn alone; empty: nobody in particular.
    """

    def __init__(self, voiceprints: Mapping[str, str], owner: str = "") -> None:
        self._owner = owner
        self._names = tuple(voiceprints)
        self._rows = np.array([_embedding(text) for text in voiceprints.values()], np.float32)

    def name(self, voice: Voice) -> str:
        """The name of `voice`; empty where it resembles nobody enough, or two people alike."""
        return self._nearest(voice, float(np.interp(voice.seconds, _SECONDS, _SAME)), _APART)

    def name_of_turn(self, turn: Voice, speaker: Voice) -> str:
        """The name of a turn: by its own voice where that is sure, else by its speaker's, which it must resemble: a
        speaker who is taken for one may be two people."""
        if self._owner:
            name = self._nearest(turn, _OWNER, _APART)
            return name if name == self._owner else ""
        name = self.name(turn) or self.name(speaker)
        return name if name and self._nearest(turn, _RESEMBLES, 0.0) == name else ""

    def _nearest(self, voice: Voice, least: float, apart: float) -> str:
        """The person with the highest cosine, if that is `least` or more, and by `apart` more than anybody else's."""
        if not self._names or voice.seconds < SURE_S:
            return ""
        cosines = self._rows @ voice.embedding
        nearest = int(np.argmax(cosines))
        others = float(np.max(np.delete(cosines, nearest), initial=-1.0))
        return self._names[nearest] if cosines[nearest] >= max(least, others + apart) else ""


def voiceprint(embedding: Samples) -> str:
    """An embedding of length 1 as text (`hushd_schema.voiceprint`)."""
    return f"{MODEL}:{base64.b64encode(embedding.astype('<f2').tobytes()).decode()}"


def _embedding(text: str) -> Samples:
    """The embedding of a voiceprint, of length 1; zeros, which resemble nobody, where it has no direction."""
    row = np.frombuffer(base64.b64decode(text.partition(":")[2]), "<f2").astype(np.float32)
    length = float(np.linalg.norm(row))
    embedding: Samples = row / length if np.isfinite(length) and length > 0 else np.zeros_like(row)
    return embedding
