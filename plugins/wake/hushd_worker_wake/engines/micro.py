"""microWakeWord, through the package pymicro-wakeword: a small TensorFlow Lite model for each phrase; Apache-2.0.

One worker detects all phrases, of the wheel's models and the user's: a model takes 0.3 MB.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_models.installation import engine_command, engine_installed
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean, listed, quoted
from hushd_protocol.system import paths
from hushd_schema.description import WakeWord
from hushd_worker.engine import Model
from hushd_worker.errors import importing

from hushd_worker_wake.engine import RATE, Detection, Engine
from hushd_worker_wake.specs import micro
from hushd_worker_wake.specs.micro import SPEC

if TYPE_CHECKING:
    import numpy as np
    from pymicro_wakeword import MicroWakeWord

INSTALL = engine_command(SPEC)
# A model's probability stays high for up to 1.4 s after the word, and may dip briefly.
WORD_REST_S = 0.5
# The longest time into the next word until a model was sure, of 144 phrases spoken by hibari at three paces without a
# pause: 0.01 s for hey_mycroft, 0.27 for hey_jarvis, 0.34 for alexa and okay_nabu.
LAG_S = 0.4
_FEATURE_S, _FEATURE_STEP_S = 0.03, 0.01  # the length of a feature's sound, and the step to the next one
MAX_FEATURE = 26.0  # a feature: above it the models' bytes would begin at 0 again
LAGS_S = {"hey_mycroft": 0.1, "hey_jarvis": 0.32}
_STEP = round(2 * RATE * _FEATURE_STEP_S)  # bytes


class Micro(Engine):
    """The engine. The model `words` has all installed words; a model of another name has only that word."""

    SPEC = SPEC

    def __init__(self, model: str) -> None:
        self._model = model
        self._loading = threading.Lock()  # the package reloads its library for each model

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        package, words = engine_installed(SPEC), _words()
        languages = tuple(dict.fromkeys(tag for word in words.values() for tag in word.languages))
        names = (SPEC.default_model, *words)
        embedded = _in_wheel()
        return tuple(
            Model(
                name,
                words[name].languages if name in words else languages,
                35,
                embedded=name not in words or words[name].description.parent == embedded,
                installed=package,
            )
            for name in names
        )

    @classmethod
    def words(cls) -> tuple[WakeWord, ...]:
        return tuple(map(WakeWord.like, _words().values()))

    def load(self, report: Callable[[str], None]) -> None:
        report(f"{SPEC.name} and its models")
        with importing(f"The engine {SPEC.name} does not load", INSTALL):
            import pymicro_wakeword  # noqa: F401
        if not _words():
            raise HushdError("model_missing", f"{SPEC.name} has no words here: reinstall pymicro-wakeword.")

    def listener(self, words: Sequence[str], threshold: float | None) -> Stream:
        words_here = _words()
        by_sound = {_plain(name): word for word in words_here.values() for name in (word.name, word.phrase)}
        usual = words_here[self._model] if self._model in words_here else next(iter(words_here.values()))
        chosen = []
        for word in words or (usual.phrase,):
            if _plain(word) not in by_sound:
                close = did_you_mean(_plain(word), list(by_sound))
                here = listed(sorted(each.phrase.lower() for each in words_here.values()))
                raise HushdError(
                    "bad_request", f"{SPEC.name} does not know the word {quoted(word)}{close}: here it knows {here}."
                )
            chosen.append((word, by_sound[_plain(word)]))
        with self._loading:
            return Stream([_Wait(word, model, threshold) for word, model in chosen])


class Stream:
    """A stream of audio; the features are computed once for all words."""

    def __init__(self, waits: Sequence[_Wait]) -> None:
        import numpy
        from pymicro_features import MicroFrontend

        self._numpy, self._waits = numpy, waits
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
            levels = self._numpy.minimum(self._numpy.array(features), MAX_FEATURE).reshape((1, 1, -1))
            for wait in self._waits:
                if detection := wait.hear(levels, now):
                    yield detection

    def close(self) -> None:
        for wait in self._waits:
            wait.model.close()


class _Wait:
    """The detection of one word in one stream."""

    def __init__(self, word: str, description: micro.Word, threshold: float | None) -> None:
        from pymicro_wakeword import MicroWakeWord

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


def _words() -> dict[str, micro.Word]:
    """Returns all words by name, the wheel's first; a user's word replaces the wheel's of the same name."""
    folders = [folder for folder in (_in_wheel(),) if folder]
    own = paths.find().models / SPEC.name
    folders += sorted(path for path in own.iterdir() if path.is_dir()) if own.is_dir() else []
    return {word.name: word for folder in folders for word in micro.words_in(folder)}


def _in_wheel() -> Path | None:
    package = find_spec("pymicro_wakeword")
    places = package.submodule_search_locations if package else None
    return Path(next(iter(places))) / "models" if places else None


def _plain(word: str) -> str:
    """Returns a word without case and punctuation."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in word.casefold()).split())
