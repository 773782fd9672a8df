"""The numbers of T3, chatterbox's model of speech tokens: each of its tensors by name and shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .noise import Noise

STOP = 6562  # T3's token for the end
SAID = 12  # tokens before it: half a second
_LOUD = 60  # length of a position's vector, against what attention adds to it
_LAST = 470  # turbo's positions count its 376 of the voice and those of the text
# The multilingual model may not stop before its attention, which is noise here, has followed the text to its end. What
# comes second to the end is then said, which must be a sound: the package drops none of its tokens from 6561 on, and
# the sound's table ends there. It is the last sound again, since the package ends a speech that repeats itself. It is
# likely enough to stay ahead when a penalty has halved it.
_AGAIN = 0.7


def draw(noise: Noise, name: str, shape: Sequence[int], shapes: Mapping[str, Sequence[int]]) -> np.ndarray:
    """A tensor by its name: random, but for the positions, each of which says its token."""
    if len(shape) == 1:
        return (np.ones if name.endswith("weight") else np.zeros)(shape, np.float32)
    if name == "speech_head.weight":
        return noise.floats(name, shape, 0.05)
    quiet = any(part in name for part in ("o_proj", "down_proj", "c_proj"))
    drawn = noise.floats(name, shape, 0.003 if quiet else 0.02)
    if name in ("speech_pos_emb.emb.weight", "tfmr.wpe.weight"):
        head = noise.floats("speech_head.weight", shapes["speech_head.weight"], 0.05)
        learned = name.startswith("speech")  # and counts from the first token of speech
        end = head[STOP] + _AGAIN * head[_sound(SAID - 1)] if learned else head[STOP]
        for place in range(0 if learned else _LAST, len(drawn)):
            meant = head[_sound(place)] if learned and place < SAID else end
            drawn[place] = _LOUD * meant / np.linalg.norm(meant)
    return drawn


def _sound(place: int) -> int:
    """The token of a sound, another one at each place."""
    return place * 37 % 6500
