"""The claims of `conformance`: the engines here keep them, and each breach is found."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

import numpy as np
import pytest
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_schema.engines import EngineSpec
from hushd_worker.conformance import refused
from hushd_worker.job import Job
from hushd_worker_stt.conformance import CASES, Trial
from hushd_worker_stt.engine import (
    RATE,
    Engine,
    EngineStream,
    Hypothesis,
    Model,
    Options,
    Segment,
    Word,
)
from support import small_models
from support.peer import wait_until

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples


class Stream(EngineStream):
    """A word a second, by the number of samples; the engine's `breach` is the one thing that it does wrong."""

    def __init__(self, engine: Steady) -> None:
        self._engine, self._samples, self._feeds, self._over = engine, 0, 0, False

    def feed(self, samples: Samples) -> Hypothesis:
        self._check("fed")
        self._samples, self._feeds = self._samples + len(samples), self._feeds + 1
        words = [f"w{second}" for second in range(self._samples // RATE)]
        return Hypothesis(
            " ".join(words[:-1] if self._engine.breach == "takes back" and self._feeds % 2 else words), ""
        )

    def finish(self) -> list[Segment]:
        self._check("ended")
        self._over = True
        self._engine.streams += 1
        breach, seconds = self._engine.breach, self._samples / RATE
        words = [f"w{second}" for second in range(self._feeds if breach == "by the feed" else int(seconds))]
        words += {"remembers": [f"{self._engine.streams}"], "makes words up": ["Thank", "you."]}.get(breach, [])
        return [Segment(0, seconds + (breach == "beyond") * 2, " ".join(words))] if words else []

    def cancel(self) -> None:
        if self._engine.breach == "cancels once" and self._over:
            raise RuntimeError("it has been cancelled")
        self._over = True

    def _check(self, what: str) -> None:
        if self._over and self._engine.breach != f"{what} after its end":
            raise RuntimeError("the stream has ended")


class Steady(Engine):
    SPEC = EngineSpec("steady", "stt", "", "m", streaming=True, word_times=True)
    feed_s, any_feeds = 0.5, True
    installed = classmethod(lambda cls, model: True)  # type: ignore[assignment]

    def __init__(self, breach: str = "") -> None:
        self.breach, self.streams = breach, 0

    def load(self, model: str, report: object) -> None: ...

    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        if self.breach == "writes":
            samples *= 2
        word = Word("text", 9.0 if self.breach == "late word" else 0.0, 9.5 if self.breach == "late word" else 0.1)
        wanted = options.word_times or self.breach == "words unasked"
        text = "te\nxt" if self.breach == "control" else f"text {len(samples)}"
        yield Segment(0, len(samples) / RATE, text, (word,) if wanted else ())

    def transcribe_batch(self, pieces: Any, options: Any) -> Any:
        answers = [list(self.transcribe(piece, each)) for piece, each in zip(pieces, options, strict=True)]
        return answers[::-1] if self.breach == "other order" else answers

    def begin(self, options: Options) -> EngineStream:
        return Stream(self)


class OnTrial(Trial):
    """An engine that nothing was installed for."""

    def __init__(self, engine: Engine) -> None:
        self.info, self.speech = Model("m", ("en",), 1), np.full(3 * RATE, 0.1, np.float32)
        self.__dict__["worker"] = SimpleNamespace(engine=engine)


OWN = [name for name, case in CASES.items() if not getattr(case, "__module__", "").endswith("hushd_worker.conformance")]
STREAM = "a_stream_has_the_same_words_each_time"


@pytest.mark.parametrize("name", OWN)
def test_an_engine_that_keeps_the_contract_passes(name: str) -> None:
    """No case is stricter than the contract."""
    CASES[name](OnTrial(Steady()))


@pytest.mark.parametrize(("breach", "case"), [
    ("takes back", STREAM), ("by the feed", STREAM), ("remembers", STREAM), ("makes words up", STREAM),
    ("beyond", STREAM), ("cancels once", STREAM), ("fed after its end", "a_stream_ends_once"),
    ("ended after its end", "a_stream_ends_once"), ("writes", "sound speech"), ("control", "sound speech"),
    ("late word", "options_are_used_or_ignored"), ("words unasked", "options_are_used_or_ignored"),
    ("other order", "pieces_together_have_the_text_of_each_alone"),
])  # fmt: skip
def test_a_breach_is_found(breach: str, case: str) -> None:
    """The case that is about it fails."""
    with pytest.raises((AssertionError, ValueError, RuntimeError)):
        CASES[case](OnTrial(Steady(breach)))


def test_an_engine_is_held_to_what_it_promises_alone() -> None:
    """Words may depend on feeds where it says so, and a model without streams is left out."""
    engine = Steady("by the feed")
    engine.any_feeds = False
    CASES[STREAM](OnTrial(engine))
    engine.feed_s = 0.0
    with pytest.raises(SkipTest):
        CASES[STREAM](OnTrial(engine))


def test_what_is_declared_has_the_kind_of_the_default() -> None:
    """A number in place of a truth value is found."""
    engine = Steady()
    engine.needs_language = 1  # type: ignore[assignment]
    with pytest.raises(AssertionError, match="its needs_language is 1, unlike False"):
        CASES["what_it_declares_is_of_its_kind"](OnTrial(engine))


@pytest.mark.parametrize("lasts_s", [0.3, None])
def test_what_jobs_leave_is_counted_once_they_are_over(lasts_s: float | None) -> None:
    """A thread that is about to end is not left behind; each that waits for ever is."""
    over = threading.Event()
    trial = SimpleNamespace(work=lambda: threading.Thread(target=over.wait, args=(lasts_s,)).start())
    try:
        if lasts_s:
            CASES["jobs_leave_nothing"](trial)
        else:
            with pytest.raises(AssertionError, match="but after six jobs"):
                CASES["jobs_leave_nothing"](trial)
    finally:
        over.set()


class Asked:
    """A worker that does the jobs of a trial by `work`."""

    def __init__(self, work: Callable[[Job], JsonObject]) -> None:
        self.engine, self.run = Steady(), work


def trial_of(work: Callable[[Job], JsonObject]) -> OnTrial:
    trial = OnTrial(Steady())
    trial.__dict__["worker"] = Asked(work)
    return trial


def test_a_job_whose_client_leaves_is_cancelled_and_has_no_result() -> None:
    """An engine's author sees what a client would: a job that looks ends."""

    def work(job: Job) -> JsonObject:
        wait_until(lambda: job.cancelled, "the end of its client")
        job.check()
        return {"late": True}

    assert trial_of(work).ask("transcribe", b"", 0.0) == ({}, [], [])


def test_a_job_that_is_over_leaves_no_client_behind() -> None:
    """The client that would have left in a minute is gone, and the next job has a `check` of its own."""

    def work(job: Job) -> JsonObject:
        trial.engine.__dict__["check"] = job.check
        job.send_partial({"text": "one"})
        return {"language": "en"}

    trial, before = trial_of(work), threading.enumerate()
    assert trial.ask("transcribe", b"", 60.0) == ({"language": "en"}, [{"text": "one"}], [])
    left = [each for each in threading.enumerate() if each not in before and isinstance(each, threading.Timer)]
    assert all(each.finished.is_set() for each in left)
    assert "check" not in vars(trial.engine)


@pytest.mark.parametrize(("raised", "seen"), [
    (MemoryError(), "HushdError"), (ValueError("odd"), "ValueError"), (HushdError("bad_request", "No."), "HushdError"),
])  # fmt: skip
def test_a_job_raises_what_its_client_would_get(raised: Exception, seen: str) -> None:
    """Too little memory is a sentence, which an engine need not make; any other exception is the engine's fault."""

    def work(job: Job) -> JsonObject:
        raise raised

    with pytest.raises(Exception) as caught:  # noqa: PT011 - the kind is what is tried
        trial_of(work).ask("transcribe", b"")
    assert type(caught.value).__name__ == seen
    assert not isinstance(raised, MemoryError) or "memory" in str(caught.value)


def test_a_refusal_is_a_sentence_with_the_right_code() -> None:
    """Half a sentence, a traceback and another code fail the case."""
    with refused("model_missing"):
        raise HushdError("model_missing", "It is not here.")
    for code, text in (("model_missing", "Not here"), ("model_missing", "Traceback\n."), ("overloaded", "Wait.")):
        with pytest.raises(AssertionError), refused("model_missing"):
            raise HushdError(code, text)


@pytest.mark.parametrize("name", ["stt/command", "tts/espeak-ng"])
def test_engines_keep_the_contract(name: str, tmp_path: Path) -> None:
    """A few cases, for engines that load in a moment."""
    small_models.play(_small(name, tmp_path), "-k", small_models.FEW)


@pytest.mark.night
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", small_models.ENGINES)
def test_every_engine_keeps_the_whole_contract(name: str, tmp_path: Path) -> None:
    """All cases, with a small model, for every engine that is installed."""
    small_models.play(_small(name, tmp_path))


def _small(name: str, folder: Path) -> small_models.Small:
    if not (small := small_models.make(name, folder)):
        pytest.skip(f"{name} is not installed: scripts/setup --engines all")
    return small
