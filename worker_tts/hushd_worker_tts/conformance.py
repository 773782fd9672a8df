"""The duties of every engine that speaks: `problems` lists those that one misses, none for one that keeps the
contract.

`hushd engine check NAME` prints it, and a test of an engine asserts that there are none.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

from hushd_worker import conformance
from hushd_worker.engine_registry import choose_model

from .engine import AudioChunk, TtsEngine, Voice
from .registry import REGISTRY

_SENTENCE = "Hello, this is a test of two clauses."


def problems(name: str, model: str = "default") -> list[str]:
    """The faults of the engine of that name, which loads `model` and speaks with a voice of it."""
    trial = _Trial(name, model)
    return conformance.collected(
        {
            "its import": partial(conformance.of_import, "tts", name),
            "its description": trial.description,
            "load": trial.load,
            "synthesize": trial.speaking,
            "synthesize of nothing": trial.nothing,
        }
    )


class _Trial:
    """An engine with one model, put to the test."""

    def __init__(self, name: str, model: str) -> None:
        self._name = name
        self._model = model

    def description(self) -> Iterator[str]:
        self._kind = REGISTRY.find(self._name)
        described = REGISTRY.describe_engine(self._kind)
        yield from conformance.of_description("tts", self._name, described)
        self._info = self._kind.info()
        if self._info.name != self._name:
            yield f"info().name is {self._info.name!r}, and its entry point {self._name!r}"
        if not 0 < self._info.slowest <= 1 <= self._info.fastest:
            yield f"its speeds, {self._info.slowest} to {self._info.fastest}, do not hold 1, its natural one"
        voices = self._kind.voices()
        if len({voice.name for voice in voices}) < len(voices):
            yield "two voices have one name"
        known = [model.name for model in self._info.models]
        self._model = choose_model(self._name, self._model, self._info.default_model, known)

    def load(self) -> Iterator[str]:
        here = [voice for voice in self._kind.voices() if voice.installed]
        own = [voice for voice in here if voice.model == self._model] or here
        if not own:
            yield f"no voice of {self._model} is here"
            raise LookupError("there is nothing to speak with")
        self._voice: Voice = own[0]
        self._engine: TtsEngine = self._kind(self._model)
        for attribute in ("economy", "degraded"):
            if not hasattr(self._engine, attribute):
                yield f"it has no attribute {attribute}"
        self._engine.load(lambda note: None)

    def speaking(self) -> Iterator[str]:
        for speed in (1.0, self._info.slowest, self._info.fastest):
            chunks = list(self._engine.synthesize(_SENTENCE, self._voice, speed))
            if not sum(len(chunk.samples) for chunk in chunks):
                yield f"it is silent at speed {speed:g}"
            for chunk in chunks:
                yield from _wrong(chunk)

    def nothing(self) -> Iterator[str]:
        for text in ("", "…", "123", "ßЖ中"):
            for chunk in self._engine.synthesize(text, self._voice, 1.0):
                yield from _wrong(chunk)


def _wrong(chunk: AudioChunk) -> Iterator[str]:
    """The faults of a piece of speech."""
    import numpy as np

    samples = chunk.samples
    if samples.dtype != np.float32 or samples.ndim != 1:
        yield f"its samples are {samples.dtype} of {samples.ndim} dimensions, not float32 of one"
    elif not np.isfinite(samples).all():
        yield "its samples are not all numbers"
    if not 4000 <= chunk.rate <= 192_000:
        yield f"its rate is {chunk.rate} Hz"
    places = [place for place, _ in chunk.marks]
    times = [second for _, second in chunk.marks]
    if places != sorted(places) or times != sorted(times):
        yield "its marks are not in order"


if __name__ == "__main__":
    sys.exit(conformance.main(problems, sys.argv[1:]))
