"""The real speech-to-text engine, and real speech to give it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from hushd_protocol.errors import HushdError
from hushd_worker_stt.audio.level import normalise
from hushd_worker_stt.engine import Options
from hushd_worker_stt.engines import moonshine
from hushd_worker_stt.worker import SpeechToText
from support import moonshine_once
from support.recordings import recording
from support.stt_jobs import Ask, Asked, Bare, make_job


@pytest.fixture(scope="session")
def worker() -> SpeechToText:
    """The real engine, loaded once. It hears samples once in a run: tests give it the same ones again and again."""
    speech_to_text = SpeechToText("moonshine", "default")
    with pytest.MonkeyPatch.context() as patch:
        heard = Path(os.environ[moonshine_once.FOLDER])
        patch.setattr(moonshine, "Transcriber", moonshine_once.transcriber(heard))
        speech_to_text.load(lambda note: None)
    return speech_to_text


@pytest.fixture
def every_time(worker: SpeechToText) -> Iterator[None]:
    """Has the model hear all that it is given, for a test of how long that takes."""
    engine: Any = worker.engine
    heard_once = engine._transcriber
    engine._transcriber = SimpleNamespace(text=heard_once.anew)
    yield
    engine._transcriber = heard_once


@pytest.fixture(scope="session")
def ask(worker: SpeechToText) -> Ask:
    """Runs one job on the real engine; an error is kept, not raised."""

    def run(*args: Any, **options: Any) -> Asked:
        job, asked = make_job(*args, **options)
        try:
            asked.result = worker.run(job)
        except HushdError as error:
            asked.error = error
        return asked

    return run


@pytest.fixture(scope="session")
def bare(worker: SpeechToText) -> Bare:
    """The text that the engine alone hears in samples, on this machine.

    Its arithmetic, and now and then a word, differ from one processor to the next. What hushd hears of them differs
    from that by little.
    """
    engine = worker.engine

    def text(samples: np.ndarray) -> str:
        segments = engine.transcribe(normalise(samples, engine.LEVEL), Options(language="en"))
        return " ".join(segment.text for segment in segments)

    return text


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of recordings that moonshine's wheel brings."""
    return recording().parent


@pytest.fixture(scope="session")
def beckett(assets: Path) -> np.ndarray:
    """Ten seconds of a person: float32, mono, 16 kHz, peak 0.29."""
    samples, rate = soundfile.read(assets / "beckett.wav", dtype="float32")
    assert rate == 16_000
    return samples


@pytest.fixture(scope="session")
def first_half(assets: Path) -> np.ndarray:
    """`FIRST_HALF` of the recording two_cities.wav, which is three pieces: 24 s, float32, mono, 16 kHz."""
    samples, rate = soundfile.read(assets / "two_cities.wav", dtype="float32", frames=1_171_200)
    return soxr.resample(samples, rate, 16_000)
