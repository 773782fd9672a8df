"""Each case of a verdict has that verdict on any processor, whose numbers differ as those of an inaudible dither do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hushd_worker_stt.audio.level import normalise
from hushd_worker_stt.engine import Engine, Options
from hushd_worker_stt.worker import SpeechToText
from support import real_weights
from support.margins import (
    BY_TEXT,
    BY_THE_DETECTOR,
    DITHERS,
    Sound,
    Verdict,
    by_its_language,
    by_its_words,
    by_the_model,
)


def names(*verdicts: Verdict) -> list[str]:
    return sorted({name for verdict in verdicts for name in (*verdict.yes, *verdict.no)})


def decided(verdict: Verdict, name: str, seeds: Iterable[int]) -> None:
    """All dithers of a case have its verdict, and the threshold is farther away than they are from each other."""
    for cases, is_so in ((verdict.yes, True), (verdict.no, False)):
        if name in cases:
            figures = [cases[name](seed) for seed in seeds]
            assert {figure >= verdict.threshold for figure in figures} == {is_so}, (verdict.name, figures)
            distance = min(abs(figure - verdict.threshold) for figure in figures)
            assert distance > max(figures) - min(figures), (verdict.name, figures)


@pytest.mark.parametrize("name", names(*BY_THE_DETECTOR, *BY_TEXT))
def test_a_dither_decides_nothing(name: str) -> None:
    """No verdict that needs no speech model, such as that words count, changes with any of twenty, of -80 dBFS."""
    for verdict in (*BY_THE_DETECTOR, *BY_TEXT):
        decided(verdict, name, range(DITHERS))


@pytest.mark.parametrize("name", names(by_the_model(str)))
@pytest.mark.parametrize("seeds", [[1], pytest.param(range(DITHERS), marks=pytest.mark.night)], ids=["one", "twenty"])
def test_a_dither_makes_no_text_likely(worker: SpeechToText, name: str, seeds: Iterable[int]) -> None:
    """No text becomes unlikely either: a person's words, and the same played backwards."""
    engine = worker.engine

    def read(samples: Sound) -> str:
        return " ".join(segment.text for segment in engine.transcribe(normalise(samples), Options()))

    decided(by_the_model(read), name, seeds)


@pytest.mark.parametrize("seeds", [[1], pytest.param(range(DITHERS), marks=pytest.mark.night)], ids=["one", "twenty"])
@pytest.mark.parametrize(
    ("model", "made"),
    [
        pytest.param("tiny.en", by_its_words, marks=(
            *real_weights.needs("faster-whisper/tiny.en"), *real_weights.needs("kokoro/kokoro-v1.0.int8.onnx")
        )),
        pytest.param("base", by_its_language, marks=real_weights.needs("faster-whisper/base")),
    ],
)  # fmt: skip
@pytest.mark.timeout(600)  # Kokoro speaks ten seconds, on a busy machine
def test_a_dither_changes_nothing_that_whisper_knows(
    monkeypatch: pytest.MonkeyPatch, model: str, made: Callable[[Engine], Verdict], seeds: Iterable[int]
) -> None:
    """Published weights know that words are invented, and that another language is spoken."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(real_weights.home()))
    verdict = made(real_weights.loaded("faster-whisper", model))
    for name in names(verdict):
        decided(verdict, name, seeds)
