"""The wait as a function of both scores: it grows with the odds that the speaker goes on.

The odds are those of a logistic regression on the one half of the moments, of smart-turn's score by whether the text is
finished or unknown; an open text keeps its own. Nothing of it is in hushd: see docs/BENCHMARKS.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from hushd_worker_stt.turns.detector import LONGEST_S
from hushd_worker_stt.turns.text import EVEN

LEAST_S = 0.25  # of quiet: the shortest in which a text and smart-turn can answer
_RIDGE = np.diag([0.03, 0.3, 0.03, 0.3])
_STEPS = 100  # of Newton's method
Array = npt.NDArray[np.float64]


def fit(texts: Sequence[float | None], sounds: Sequence[float], over: Sequence[bool]) -> Array:
    """The weights of the regression, for `odds`; moments whose text is open have no part in it."""
    closed = np.array([text is None or text >= EVEN for text in texts])
    inputs, truth = _inputs(texts, sounds)[closed], np.array(over, float)[closed]
    weights = np.zeros(inputs.shape[1])
    for _ in range(_STEPS):
        judged = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (judged - truth) + _RIDGE @ weights
        weights -= np.linalg.solve(inputs.T @ (inputs * (judged * (1 - judged))[:, None]) + _RIDGE, slope)
    return weights


def odds(weights: Array, texts: Sequence[float | None], sounds: Sequence[float]) -> Array:
    """The odds that each speaker goes on."""
    judged = np.exp(-_inputs(texts, sounds) @ weights)
    return np.array(
        [
            (1 - text) / text if text is not None and text < EVEN else by_both
            for text, by_both in zip(texts, judged, strict=True)
        ]
    )


def wait_s(going_on: float | None, silence_s: float, least_s: float | None) -> float:
    """The quiet that is waited for; with `least_s` also less than `silence_s`, of those who have surely finished."""
    assert going_on is not None
    return min(max(silence_s * going_on, least_s or silence_s), max(LONGEST_S, silence_s))


def _inputs(texts: Sequence[float | None], sounds: Sequence[float]) -> Array:
    sure = np.clip(np.array(sounds), 1e-3, 1 - 1e-3)
    scores = np.log(sure / (1 - sure))
    unknown = np.array([text is None for text in texts], float)
    return np.stack([1 - unknown, scores * (1 - unknown), unknown, scores * unknown], 1)
