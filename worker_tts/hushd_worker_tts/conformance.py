"""Claims that every text-to-speech engine keeps, for pytest: those of `hushd_worker.conformance`, and its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any

import numpy as np
from hushd_models import languages
from hushd_worker import conformance
from hushd_worker.conformance import Answer, refused

from .engine import AudioChunk, Engine, Voice
from .registry import REGISTRY
from .worker import Worker

_SENTENCE = "Hello, this is a test of two clauses."
_TEXTS = {
    "empty": "", "spaces": " \n\t\r\n \u00a0\u2003 ", "points": "... !? … — , ;", "digits": "123 4,567.89 1e400 ½ ٣٤٥",
    "units": "5 km/h, 20 °C, $3.50, 100 %, §7, №5, ©®™", "chinese": "\u4f60\u597d\u3002\u3053\u3093",
    "emoji": "Hello \U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f!",
    "right to left": "\u0645\u0631\u062d \u05e9\u05dc\u05d5\u05dd \u202eolleh\u202c", "repeated": "!" * 3_000,
    "control": "one\x01two\x07\x1b[31mthree\x00\x7f\x85four", "invisible": "a\u200bb\u200d\ufeffc\u00ad d\u2060e",
    "combining": "Z" + "\u0301\u0327\u0330" * 60 + "algo", "private": "\ue000\uf8ff\uffff\U0010ffff \U0001d4d7",
    "markup": "<speak>&amp;</b> [[kɒ]] {x} %s `ls` \\n", "url": "https://example.org/a?b=c&d=%20#e",
    "long word": "a" * 5_000, "long sentence": "and then " * 300 + "it ended.",
}  # fmt: skip


class Trial(conformance.Trial):
    """An engine with one model, and its installed voices, those of the model first."""

    registry, make_worker, operation = REGISTRY, Worker, "synthesize"
    engine: Engine

    @cached_property
    def voices(self) -> list[Voice]:
        here = [voice for voice in self.kind.voices() if voice.installed]
        assert here, "no voice is installed"
        return sorted(here, key=lambda voice: voice.model != self.model)

    def say(self, text: str, leave_s: float | None = None) -> Answer:
        return self.ask(self.operation, text.encode(errors="replace"), leave_s, voice=self.voices[0].name)

    def work(self, *, long: bool = False, leave_s: float | None = None) -> Answer:
        return self.say(_SENTENCE * (50 if long else 1), leave_s)

    def gist(self) -> object:
        return {name: value for name, value in self.work().result.items() if name in ("voice", "rate", "sentences")}

    def speak(self, text: str, speed: float = 1.0, voice: Voice | None = None) -> list[AudioChunk]:
        """Returns the speech by the engine alone. Raises AssertionError unless it is sound of a usual rate, with marks
        in order inside the text and the sound."""
        arguments = text, voice or self.voices[0], speed
        thread = self.worker._thread  # noqa: SLF001 - on which the worker has loaded it
        chunks: list[AudioChunk] = thread.call(lambda: list(self.engine.synthesize(*arguments)))
        for chunk in chunks:
            samples, duration = chunk.samples, len(chunk.samples) / chunk.rate
            assert samples.dtype == np.float32, f"its samples are {samples.dtype}"
            assert samples.ndim == 1, f"its samples have {samples.ndim} dimensions"
            assert np.isfinite(samples).all(), "its samples are not all numbers"
            assert np.abs(samples).max(initial=0) <= 8, f"its samples go up to {np.abs(samples).max():g}"
            assert 4000 <= chunk.rate <= 192_000, f"its rate is {chunk.rate} Hz"
            places, times = [[mark[n] for mark in chunk.marks] for n in (0, 1)]
            assert places == sorted(places), f"its marks are not in order: {places}"
            assert times == sorted(times), f"its marks are not in order: {times}"
            assert all(0 <= place <= len(text) for place in places), f"its marks are outside the text: {places}"
            assert all(-0.01 <= each <= duration + 0.05 for each in times), f"{times} are outside {duration:g} s"
        return chunks


def any_text_is_spoken_or_refused(trial: Trial, name: str) -> None:
    """There is sound, of which all is valid, or a sentence that says why not."""
    with refused():
        assert trial.say(_TEXTS[name]).chunks, "there is neither sound nor a refusal"
        trial.speak(_TEXTS[name])


def it_speaks_at_each_of_its_speeds(trial: Trial) -> None:
    """Its slowest, natural and fastest speeds have sound, all of one rate."""
    slowest, fastest = trial.kind.SPEC.slowest, trial.kind.SPEC.fastest
    assert 0 < slowest <= 1 <= fastest, f"its speeds go from {slowest} to {fastest}, without 1"
    spoken = [trial.speak(_SENTENCE, speed) for speed in (slowest, 1.0, fastest)]
    assert all(any(len(chunk.samples) for chunk in chunks) for chunks in spoken), "it is silent at one of its speeds"
    rates = {chunk.rate for chunks in spoken for chunk in chunks}
    assert len(rates) == 1, f"there are {sorted(rates)} Hz"


def its_voices_are_valid(trial: Trial) -> None:
    """Voices have unique names, models that are described, and languages that are tags; the first installed speak."""
    voices, models = trial.kind.voices(), [model.name for model in trial.described.models]
    assert len({voice.name for voice in voices}) == len(voices), "two voices have the same name"
    for voice in voices:
        assert voice.model in models, f"{voice.name} has the model {voice.model!r}, which is not described"
        assert languages.is_tag(voice.language), f"{voice.name} has the language {voice.language!r}, which is no tag"
    for voice in [voice for voice in trial.voices if voice.model == trial.voices[0].model][:4]:
        assert any(len(chunk.samples) for chunk in trial.speak(voice.sample or _SENTENCE, voice=voice)), voice.name


CASES: Mapping[str, Callable[[Any], None]] = {
    **conformance.CASES,
    **{f"text {name}": partial(any_text_is_spoken_or_refused, name=name) for name in _TEXTS},
    "it_speaks_at_each_of_its_speeds": it_speaks_at_each_of_its_speeds,
    "its_voices_are_valid": its_voices_are_valid,
}
