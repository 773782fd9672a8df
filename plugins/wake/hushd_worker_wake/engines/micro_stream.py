"""One stream of audio, in which the package's models wait for their words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pymicro_features import MicroFrontend
from pymicro_wakeword import MicroWakeWord

from hushd_worker_wake.engine import RATE, Detection
from hushd_worker_wake.specs import micro

# A model's probability stays high for up to 1.4 s after the word, and may dip briefly.
WORD_REST_S = 0.5
# The longest time into the next word until a model was sure, of 144 phrases spoken by hibari at three paces without a
# pause: 0.01 s for hey_mycroft, 0.27 for hey_jarvis, 0.34 for alexa and okay_nabu.
LAG_S = 0.4
_FEATURE_S, _FEATURE_STEP_S = 0.03, 0.01  # the length of a feature's sound, and the step to the next one
MAX_FEATURE = 26.0  # a feature: above it the models' bytes would begin at 0 again
LAGS_S = {"hey_mycroft": 0.1, "hey_jarvis": 0.32}
_STEP = round(2 * RATE * _FEATURE_STEP_S)  # bytes


class Stream:
    """A stream of audio; the features are computed once for all words."""

    def __init__(self, waits: Sequence[Wait]) -> None:
        self._waits = waits
        self._frontend = MicroFrontend()
        self._incomplete = b""  # bytes of an incomplete step
        self._count = 0  # features computed

    def hear(self, samples: bytes) -> Iterator[Detection]:
        samples = self._incomplete + samples
        whole = len(samples) - len(samples) % _STEP
        self._incomplete = samples[whole:]
        for start in range(0, whole, _STEP):
            if not (features := self._frontend.process_samples(samples[start : start + _STEP]).features):
                continue  # the first window is incomplete
            now = _FEATURE_S + _FEATURE_STEP_S * self._count
            self._count += 1
            levels = np.minimum(np.array(features), MAX_FEATURE).reshape((1, 1, -1))
            for wait in self._waits:
                if detection := wait.hear(levels, now):
                    yield detection

    def close(self) -> None:
        for wait in self._waits:
            wait.model.close()


class Wait:
    """The detection of one word in one stream."""

    def __init__(self, word: str, description: micro.Word, threshold: float | None) -> None:
        self.model: MicroWakeWord = MicroWakeWord.from_config(description.description)
        self._word, self._name = word, description.name
        self._threshold = self.model.probability_cutoff if threshold is None else threshold
        self._sure = -WORD_REST_S  # time when the model was last sure

    def hear(self, features: np.ndarray, now: float) -> Detection | None:
        """Takes the features of the next 10 ms; returns the word if it ends there."""
        probability = self.model.process_streaming_prob(features) or 0.0
        if probability <= self._threshold:
            return None
        rested, self._sure = now - self._sure >= WORD_REST_S, now
        lag_s = LAGS_S.get(self._name, LAG_S)
        return Detection(self._word, self._name, now, probability, lag_s) if rested else None
