"""Claims that every speech-to-text engine keeps, for pytest: those of `hushd_worker.conformance`, and its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import SkipTest

import numpy as np
import soundfile
from hushd_schema.sound_file import wav_header
from hushd_worker import conformance
from hushd_worker.conformance import Answer, refused

from .engine import RATE, Engine, EngineStream, Hypothesis, Options, Samples, Segment
from .registry import REGISTRY
from .worker import SpeechToText

_TIME_TOLERANCE_S = 0.05  # a time may be so far beyond the end of a piece
_OPTIONS: dict[str, object] = {"prompt": "Estragon and " * 150, "hotwords": "Beckett", "beam": 2, "temperature": 0.4}
_NOISE, _TIME = np.random.default_rng(1).normal(0, 0.1, RATE), np.arange(4 * RATE) / RATE
_SOUNDS: dict[str, Callable[[Samples], Any]] = {
    "silence": lambda _: 0 * _NOISE, "nothing": lambda _: _NOISE[:0], "one sample": lambda _: _NOISE[:1],
    "short": lambda _: _NOISE[: RATE // 10], "full scale": lambda _: 0 * _NOISE + 1, "noise": lambda _: _NOISE,
    "huge": lambda _: 0 * _NOISE + 1e30, "nan": lambda _: _NOISE + np.nan, "infinite": lambda _: 0 * _NOISE + np.inf,
    "tone": lambda _: 0.3 * np.sin(_TIME[:RATE] * 2 * np.pi * 310), "speech": lambda speech: speech,
    "some nan": lambda speech: np.where(np.arange(len(speech)) % 5000 == 2500, np.nan, speech),
    "longest": lambda speech: np.resize(speech, 60 * RATE),
}  # fmt: skip


class Trial(conformance.Trial):
    """An engine with one model, and `speech` that it hears at full scale 1, 16 kHz, mono: the first five seconds of
    the file `sound`, or else a hum that may pass for speech."""

    registry, make_worker, operation = REGISTRY, SpeechToText, "transcribe"
    engine: Engine

    def __init__(self, name: str, model: str = "default", sound: str | Path | None = None) -> None:
        super().__init__(name, model)
        self.info = next(each for each in self.kind.models() if each.name == self.model)
        hum = sum(np.sin(2 * np.pi * 120 * n * _TIME) / n for n in range(1, 30)) * (np.sin(2 * np.pi * 3 * _TIME) > 0)
        samples = soundfile.read(sound, 5 * RATE, always_2d=True)[0].mean(axis=1) if sound else 0.1 * hum
        self.speech: Samples = samples.astype(np.float32)

    def work(self, *, long: bool = False, leave_s: float | None = None) -> Answer:
        return self.ask(self.operation, wav(np.tile(self.speech, 8 if long else 1)), leave_s)

    def gist(self) -> object:
        return [segment.get("text") for segment in self.work().partials]

    def hear(self, samples: Samples, **options: object) -> str:
        """Returns the text of a piece by the engine alone; raises AssertionError for a fault in its segments."""
        return checked(list(self.engine.transcribe(samples, self.options(**options))), len(samples) / RATE)

    def options(self, **changes: Any) -> Options:
        return Options(**{"language": next(iter(self.info.languages), None), **changes})

    def feeds(self, times: float = 1.0) -> list[Samples]:
        """Returns the speech in feeds of the engine's preferred length, or of `times` that."""
        size = max(1, round(self.engine.feed_s * times * RATE))
        return [self.speech[start : start + size] for start in range(0, len(self.speech), size)]

    @contextmanager
    def stream(self) -> Iterator[EngineStream]:
        """Opens a stream, which is cancelled at the end; raises SkipTest if the model has none."""
        if not self.engine.feed_s:
            raise SkipTest("its model has no streams")
        stream = self.engine.begin(self.options())
        try:
            yield stream
        finally:
            stream.cancel()

    def streamed(self, feeds: Sequence[Samples]) -> tuple[list[Hypothesis], str]:
        """Returns a stream's text after each feed, and at its end."""
        with self.stream() as stream:
            return [stream.feed(samples) for samples in feeds], checked(stream.finish(), sum(map(len, feeds)) / RATE)


def wav(samples: Samples) -> bytes:
    """Returns samples as a WAV file of 16 bits."""
    data = np.clip(np.round(samples * 32768), -32768, 32767).astype("<i2").tobytes()
    return wav_header(RATE, len(data)) + data


def checked(segments: Sequence[Segment], duration: float) -> str:
    """Returns the text of the segments of a piece of `duration` seconds. Raises AssertionError unless they and their
    words are inside it and in order, without control characters."""
    last, words = 0.0, []
    for segment in segments:
        assert last <= segment.start <= segment.end <= duration + _TIME_TOLERANCE_S, f"{segment} of {duration:g} s"
        last = place = segment.start
        assert not any(ord(sign) < 32 or sign in "\x7f\u2028\u2029" for sign in segment.text), f"a control: {segment}"
        for word in segment.words:
            inside = place - _TIME_TOLERANCE_S <= word.start <= word.end <= segment.end + _TIME_TOLERANCE_S
            assert inside, f"the word {word.text!r} lies outside its segment, or before the one before it"
            place = word.start
        words.append(segment.text)
    return " ".join(words)


def any_sound_is_heard_or_refused(trial: Trial, name: str) -> None:
    """Segments are inside the sound and in order, or it is refused in a sentence; the samples stay as they are."""
    samples = _SOUNDS[name](trial.speech).astype(np.float32)[: int(trial.engine.PIECE.longest * RATE)]
    samples.flags.writeable = False
    with refused():
        trial.hear(samples)


def options_are_used_or_ignored(trial: Trial) -> None:
    """No option makes it fail, and words come only on request."""
    segments = list(trial.engine.transcribe(trial.speech, trial.options()))
    assert not any(segment.words for segment in segments), "it yields words without a request"
    for name, value in {**_OPTIONS, "word_times": True}.items():
        trial.hear(trial.speech, **{name: value})


def pieces_together_have_the_text_of_each_alone(trial: Trial) -> None:
    """A batch changes no text."""
    pieces = [trial.speech, trial.speech[: len(trial.speech) // 2]]
    batch = trial.engine.transcribe_batch(pieces, [trial.options()] * 2)
    together = [checked(list(each), len(piece) / RATE) for each, piece in zip(batch, pieces, strict=True)]
    assert together == (alone := [trial.hear(piece) for piece in pieces]), (
        f"{together!r:.300}, but alone {alone!r:.300}"
    )


def a_stream_has_the_same_words_each_time(trial: Trial) -> None:
    """The same feeds have the same text, also after a cancelled stream and, if the engine promises that, in other
    lengths; what is committed is not taken back, and without a feed there is no text."""
    assert not (made_up := trial.streamed([])[1]), f"without a feed it has {made_up!r:.100}"
    feeds, committed = trial.feeds(), ""
    first = trial.streamed(feeds)
    for each in first[0]:
        assert each.committed.startswith(committed), f"{committed!r:.200} becomes {each.committed!r:.200}"
        committed = each.committed
    for count in (0, 1, len(feeds)):
        with trial.stream() as stream:
            for samples in feeds[:count]:
                stream.feed(samples)
            stream.cancel()
        assert (again := trial.streamed(feeds)) == first, f"{first[1]!r:.300}, then {again[1]!r:.300}"
    for times in (0.3, 2.0, 100.0) if trial.engine.any_feeds else ():
        other = trial.streamed(trial.feeds(times))[1]
        assert other == first[1], f"{first[1]!r:.300}, but in feeds {times:g} times as long {other!r:.300}"


def a_stream_ends_once(trial: Trial) -> None:
    """A stream that has ended refuses what comes later."""
    for end, late in ((end, late) for end in ("finish", "cancel") for late in ("feed", "finish")):
        with trial.stream() as stream:
            stream.feed(trial.speech)
            getattr(stream, end)()
            try:
                getattr(stream, late)(*[trial.speech] * (late == "feed"))
            except Exception:
                continue
            raise AssertionError(f"a {late} after its {end} is accepted")


_CASES = (
    options_are_used_or_ignored, pieces_together_have_the_text_of_each_alone, a_stream_has_the_same_words_each_time,
    a_stream_ends_once,
)  # fmt: skip
CASES: Mapping[str, Callable[[Any], None]] = {
    **conformance.CASES,
    **{f"sound {name}": partial(any_sound_is_heard_or_refused, name=name) for name in _SOUNDS},
    **{case.__name__: case for case in _CASES},
}
