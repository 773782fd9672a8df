"""A wake-word engine on trial."""

from __future__ import annotations

import math
import random
import wave
from array import array
from collections.abc import Callable, Iterator
from functools import cached_property

from hushd_protocol.errors import HushdError
from hushd_schema.description import WaitingEngine
from hushd_worker.engine_registry import choose_model
from hushd_worker_wake.engine import RATE, EngineInfo, WakeEngine
from hushd_worker_wake.registry import REGISTRY
from hushd_worker_wake.worker import WakeWorker

from hushd_conformance import trial
from hushd_conformance.case import LeftOut
from hushd_conformance.trial import Answer

# For an engine with any phrase: in the letters, syllables, or sounds of its model.
_PHRASES = ("hello", "n ǐ h ǎo", "HH AH0 L OW1", "abc")
_LONG_S = 60


class Trial(trial.Trial):
    """A wake-word engine with one model."""

    role = "wake"
    op = "detect"

    @cached_property
    def kind(self) -> type[WakeEngine]:
        return REGISTRY.find(self.name)

    @cached_property
    def info(self) -> EngineInfo:
        return self.kind.info()

    @cached_property
    def model(self) -> str:
        return choose_model(self.name, self.wanted, self.info.default_model, [model.name for model in self.info.models])

    @property
    def engine(self) -> WakeEngine:
        """Returns the loaded engine itself."""
        assert isinstance(self.worker, WakeWorker)
        return self.worker._engine

    @cached_property
    def phrases(self) -> tuple[str, ...]:
        """Returns the words for a request; none if the model has a default word."""
        if not self.info.any_phrase:
            return ()
        for phrase in _PHRASES:
            try:
                self.engine.listener([phrase], None).close()
            except HushdError:
                continue
            return (phrase,)
        raise LeftOut(f"it accepts none of {', '.join(_PHRASES)}")

    def described(self) -> WaitingEngine:
        return REGISTRY.describe_engine(self.kind)

    def make_worker(self, model: str) -> WakeWorker:
        return WakeWorker(self.name, model)

    def work(self) -> Answer:
        return self.hear(self.speech)

    def long_work(self, cancel: Callable[[int], bool]) -> Answer:
        return self.hear(noise(_LONG_S, 0.1), cancel=cancel)

    def gist(self, answer: Answer) -> object:
        return answer.partials, answer.result

    def hear(
        self, samples: bytes, piece: int = RATE // 5, cancel: Callable[[int], bool] | None = None, **params: object
    ) -> Answer:
        """Plays samples to the engine like a microphone, in pieces of `piece` bytes."""
        words = {"words": list(self.phrases)} if self.phrases else {}
        pieces = (samples[start : start + piece] for start in range(0, len(samples), piece))
        return self.ask(self.op, pieces, {**words, **params}, cancel)

    @cached_property
    def speech(self) -> bytes:
        """Returns a recording of the word, or a hum that may pass for speech: s16le, mono, 16 kHz."""
        if self.sound is None:
            hum = (
                sum(math.sin(2 * math.pi * 120 * n * at / RATE) / n for n in range(1, 12))
                * (math.sin(6 * math.pi * at / RATE) > 0)
                for at in range(3 * RATE)
            )
            return pcm(0.1 * level for level in hum)
        with wave.open(str(self.sound)) as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
                raise ValueError(f"{self.sound} is not of 16 kHz, one channel and 16 bits")
            samples: bytes = file.readframes(file.getnframes())
            return samples

    @property
    def spoken(self) -> bytes:
        """Returns the recording of the word."""
        if self.sound is None:
            raise LeftOut("--sound gives no recording of its word")
        return self.speech


def pcm(levels: Iterator[float]) -> bytes:
    """Returns samples with these levels, of which 1 is full scale."""
    return array("h", (max(-32768, min(32767, round(32768 * level))) for level in levels)).tobytes()


def noise(seconds: int, level: float) -> bytes:
    """Returns white noise, the same each time: a repeated second."""
    chance = random.Random(1)
    return pcm(chance.gauss(0, level) for _ in range(RATE)) * seconds


def wrong(answer: Answer, what: str) -> Iterator[str]:
    """Yields the faults of a whole answer: its words must be in order, and inside the sound."""
    yield from answer.faults(what)
    duration, last = float(answer.result.get("duration", 0.0)), 0.0
    if answer.result and answer.result.get("detections") != len(answer.partials):
        yield f"{what} has {len(answer.partials)} words, but the result has {answer.result.get('detections')}"
    for word in answer.partials:
        if not last <= word["at"] <= duration + 0.01 or not 0 <= word["end"] <= word["at"] + 0.01:
            yield f"{what}: {word!r:.200} is outside its place, {last:g} to {duration:g} s"
        if not 0.0 <= word.get("probability", 0.0) <= 1.0:
            yield f"{what}: the probability is {word['probability']}"
        last = word["at"]
