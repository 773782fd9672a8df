"""A text-to-speech engine on trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from hushd_schema.description import SpeakingEngine
from hushd_worker.engine_registry import choose_model
from hushd_worker_tts.engine import AudioChunk, Engine, EngineInfo, Voice
from hushd_worker_tts.registry import REGISTRY
from hushd_worker_tts.worker import Worker

from hushd_conformance import trial
from hushd_conformance.trial import Answer

SENTENCE = "Hello, this is a test of two clauses."
_LONG = "This is one sentence of a text that somebody reads aloud while others listen to it. " * 30


class Trial(trial.Trial):
    """A text-to-speech engine with one model."""

    role = "tts"
    registry = REGISTRY
    op = "synthesize"

    @cached_property
    def kind(self) -> type[Engine]:
        return REGISTRY.find(self.name)

    @cached_property
    def info(self) -> EngineInfo:
        return self.kind.info()

    @cached_property
    def model(self) -> str:
        return choose_model(self.name, self.named, self.info.default_model, [model.name for model in self.info.models])

    @cached_property
    def voice(self) -> Voice:
        """Returns an installed voice, of the model if it has one."""
        here = [voice for voice in self.kind.voices() if voice.installed]
        own = [voice for voice in here if voice.model == self.model] or here
        if not own:
            raise LookupError(f"no voice of {self.model} is installed")
        return own[0]

    def described(self) -> SpeakingEngine:
        return REGISTRY.describe_engine(self.kind)

    def make_worker(self, model: str) -> Worker:
        return Worker(self.name, model)

    def work(self) -> Answer:
        return self.say(SENTENCE)

    def long_work(self, cancel: Callable[[int], bool]) -> Answer:
        return self.ask(self.op, _LONG.encode(), {"voice": self.voice.name}, cancel)

    def gist(self, answer: Answer) -> object:
        return {name: answer.result.get(name) for name in ("voice", "rate", "sentences")}

    def say(self, text: str, **params: object) -> Answer:
        """Speaks through the whole worker, with the trial's voice unless `params` has another."""
        return self.ask(self.op, text.encode(errors="replace"), {"voice": self.voice.name, **params})

    def speak(self, text: str, speed: float = 1.0, voice: Voice | None = None) -> list[AudioChunk]:
        """Returns the pieces of speech of a text, by the engine alone, on its thread."""
        worker, chosen = self.worker, voice or self.voice
        assert isinstance(worker, Worker)
        return worker._thread.call(lambda: list(worker._engine.synthesize(text, chosen, speed)))

    @property
    def engine(self) -> Engine:
        assert isinstance(self.worker, Worker)
        return self.worker._engine


def wrong(chunk: AudioChunk, text: str) -> Iterator[str]:
    """Yields the faults of a piece of speech for a text."""
    import numpy as np

    samples = chunk.samples
    if samples.dtype != np.float32 or samples.ndim != 1:
        yield f"its samples are {samples.dtype} with {samples.ndim} dimensions, not float32 with one"
    elif not np.isfinite(samples).all():
        yield "its samples are not all numbers"
    elif len(samples) and np.abs(samples).max() > 8:
        yield f"its samples go up to {np.abs(samples).max():g}"
    if not 4000 <= chunk.rate <= 192_000:
        yield f"its rate is {chunk.rate} Hz"
    places = [place for place, _ in chunk.marks]
    times = [second for _, second in chunk.marks]
    if places != sorted(places) or times != sorted(times):
        yield "its marks are not in order"
    if places and not 0 <= places[0] <= places[-1] <= len(text):
        yield f"its marks are outside the text: {places[0]} to {places[-1]} of {len(text)}"
    if times and not -0.01 <= times[0] <= times[-1] <= len(samples) / chunk.rate + 0.05:
        yield f"its marks are outside the speech: {times[0]:g} to {times[-1]:g} s of {len(samples) / chunk.rate:g}"
