"""The duties of every engine that hears: `problems` lists those that one misses, none for one that keeps the
contract.

`hushd engine check NAME` prints it, and a test of an engine asserts that there are none.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from hushd_worker import conformance
from hushd_worker.engine_registry import choose_model

from .engine import RATE, Engine, Options, Segment
from .registry import REGISTRY

if TYPE_CHECKING:
    from .engine import Samples

_MUCH_S = 0.05  # by which a time may lie beyond the end of a piece


def problems(name: str, model: str = "default") -> list[str]:
    """The faults of the engine of that name, whose `model` is loaded and given silence, noise and a tone."""
    trial = _Trial(name, model)
    return conformance.collected(
        {
            "its import": partial(conformance.of_import, "stt", name),
            "its description": trial.description,
            "load": trial.load,
            "transcribe": trial.hearing,
            "transcribe_batch": trial.batch,
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
        yield from conformance.of_description("stt", self._name, described)
        if self._kind.INFO.name != self._name:
            yield f"INFO.name is {self._kind.INFO.name!r}, and its entry point {self._name!r}"
        known = [model.name for model in described.models]
        self._model = choose_model(self._name, self._model, self._kind.INFO.default_model, known)

    def load(self) -> Iterator[str]:
        if not self._kind.installed(self._model):
            yield f"installed says that {self._model} is not here"
        self._engine: Engine = self._kind()
        self._engine.load(self._model, lambda note: None)
        model = next((model for model in self._kind.models() if model.name == self._model), None)
        self._languages = model.languages if model else ()
        self._info = self._kind.INFO.of_model(model) if model else self._kind.INFO

    def hearing(self) -> Iterator[str]:
        for what, samples in _sounds(self._engine.PIECE.longest):
            found = self._engine.transcribe(samples, self._options())
            yield from _wrong(what, list(found), len(samples) / RATE)
        if self._info.word_times:
            what, samples = next(iter(_sounds(1.0)))
            found = self._engine.transcribe(samples, self._options(word_times=True))
            yield from _wrong(what, list(found), len(samples) / RATE)

    def batch(self) -> Iterator[str]:
        pieces = [samples for _, samples in _sounds(2.0)][:2]
        found = self._engine.transcribe_batch(pieces, [self._options()] * len(pieces))
        if len(found) != len(pieces):
            yield f"transcribe_batch has {len(found)} answers for {len(pieces)} pieces"

    def _options(self, word_times: bool = False) -> Options:
        return Options(language=self._languages[0] if self._languages else None, word_times=word_times)


def _sounds(longest: float) -> Iterator[tuple[str, Samples]]:
    """Yields pieces: a second of a tone, of silence and of noise, a very short one, and the longest."""
    import numpy as np

    time = np.arange(RATE) / RATE
    yield "a tone", (0.3 * np.sin(time * 2 * np.pi * 310)).astype(np.float32)
    yield "silence", np.zeros(RATE, np.float32)
    yield "noise", np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32)
    yield "a tenth of a second", np.zeros(RATE // 10, np.float32)
    yield f"{longest:g} s", np.zeros(int(longest * RATE), np.float32)


def _wrong(what: str, found: Sequence[object], duration: float) -> Iterator[str]:
    """The faults of the segments that were found in `what`, so many seconds long."""
    last = 0.0
    for one in found:
        if not isinstance(one, Segment) or not isinstance(one.text, str):
            yield f"of {what} it yields {one!r:.60}, which is no Segment with a text"
            return
        if not last <= one.start <= one.end <= duration + _MUCH_S:
            yield f"of {what} it yields times out of order, {one.start:g} to {one.end:g} s of {duration:g}"
        last = one.start
        if any(not one.start - _MUCH_S <= word.start <= word.end <= one.end + _MUCH_S for word in one.words):
            yield f"of {what} it yields words outside their segment"


if __name__ == "__main__":
    sys.exit(conformance.main(problems, sys.argv[1:]))
