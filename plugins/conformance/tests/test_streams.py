"""The conformance suite's cases of streams: an engine that keeps the contract passes, each breach of it is found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hushd_conformance.case import FAILED, LEFT_OUT, PASSED, play
from hushd_conformance.stt import streams
from hushd_conformance.stt.trial import Trial
from hushd_worker_stt.engine import (
    RATE,
    Engine,
    EngineInfo,
    EngineStream,
    Hypothesis,
    ModelInfo,
    Options,
    Segment,
    Word,
)

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

CASES = {case.name: case for case in streams.cases()}


class Stream(EngineStream):
    """A word a second, by the number of samples; `breach` is the one thing that it does wrong."""

    def __init__(self, engine: Steady, options: Options) -> None:
        self._engine, self._options = engine, options
        self._samples, self._feeds, self._over = 0, 0, False

    def feed(self, samples: Samples) -> Hypothesis:
        self._check("fed")
        self._samples, self._feeds = self._samples + len(samples), self._feeds + 1
        words = [f"w{second}" for second in range(self._samples // RATE)]
        if self._engine.breach == "takes back" and self._feeds % 2:
            words = words[:-1]
        return Hypothesis(" ".join(words), "")

    def finish(self) -> list[Segment]:
        self._check("ended")
        self._over = True
        breach, seconds = self._engine.breach, self._samples / RATE
        count = self._feeds if breach == "by the feed" else int(seconds)
        self._engine.streams += 1
        text = " ".join(f"w{second}" for second in range(count))
        if breach == "remembers":
            text += f" {self._engine.streams}"
        if breach == "makes words up":
            text = text or "Thank you."
        if not text:
            return []
        words = tuple(Word(f"w{second}", second, second + 0.5) for second in range(count))
        return [Segment(0, seconds + (breach == "beyond") * 2, text, words if self._options.word_times else ())]

    def cancel(self) -> None:
        if self._engine.breach == "cancels once" and self._over:
            raise RuntimeError("it has been cancelled")
        self._over = True

    def _check(self, what: str) -> None:
        if self._over and self._engine.breach != f"{what} after its end":
            raise RuntimeError("the stream has ended")
        self._engine.check()


class Steady(Engine):
    INFO = EngineInfo("steady", "", "m", (ModelInfo("m", ("en",), 1),), streaming=True, word_times=True)
    feed_s, any_feeds = 0.5, True
    installed = classmethod(lambda cls, model: True)  # type: ignore[assignment]

    def __init__(self, breach: str = "") -> None:
        self.breach, self.streams = breach, 0

    def load(self, model: str, report: object) -> None: ...

    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        yield Segment(0, len(samples) / RATE, "text")

    def begin(self, options: Options) -> EngineStream:
        return Stream(self, options)


class OnTrial(Trial):
    """An engine that nothing was installed for."""

    def __init__(self, engine: Engine) -> None:
        super().__init__("steady")
        self.__dict__["info"], self.__dict__["abilities"] = engine.INFO.models[0], engine.INFO
        self.__dict__["speech"] = np.full(3 * RATE, 0.1, np.float32)
        self._steady = engine

    @property
    def engine(self) -> Engine:
        return self._steady


@pytest.mark.parametrize("name", CASES)
def test_an_engine_that_keeps_the_contract_passes(name: str) -> None:
    """An engine without streams is left out."""
    assert play(CASES[name], OnTrial(Steady())) == (PASSED, ())
    without = Steady()
    without.feed_s = 0.0
    assert play(CASES[name], OnTrial(without))[0] == LEFT_OUT


@pytest.mark.parametrize(("breach", "case"), [
    ("takes back", "stream.committed"), ("by the feed", "stream.feeds"), ("remembers", "stream.same"),
    ("remembers", "stream.cancel"), ("makes words up", "stream.nothing"), ("beyond", "stream.same"),
    ("fed after its end", "stream.over"), ("ended after its end", "stream.over"), ("cancels once", "stream.cancel"),
])  # fmt: skip
def test_a_breach_is_found(breach: str, case: str) -> None:
    """The case that is about a breach finds it."""
    assert play(CASES[case], OnTrial(Steady(breach)))[0] == FAILED


def test_an_engine_that_promises_nothing_of_feeds_is_not_held_to_it() -> None:
    """It says that its words depend on them."""
    engine = Steady("by the feed")
    engine.any_feeds = False
    assert play(CASES["stream.feeds"], OnTrial(engine))[0] == LEFT_OUT
