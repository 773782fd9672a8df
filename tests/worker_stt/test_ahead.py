"""Recordings that are read while they arrive."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hushd_protocol.messages import Chunk, Partial
from hushd_protocol.messages import Job as JobMessage
from hushd_worker.job import Cancelled, Job
from hushd_worker_stt import ahead
from hushd_worker_stt.worker import SpeechToText
from support.films import film
from support.peer import wait_until
from support.stt_jobs import Ask, chunked, encoded


@pytest.fixture
def given(worker: SpeechToText, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the pieces that the engine reads; every recording is slow enough to be read ahead."""
    monkeypatch.setattr(ahead, "_ARRIVING_S", 0.0)
    engine: Any = worker.engine
    transcribe, lengths = engine.transcribe, list[int]()

    def noted(samples: np.ndarray, options: Any) -> Any:
        lengths.append(len(samples))
        return transcribe(samples, options)

    monkeypatch.setattr(engine, "transcribe", noted)
    return lengths


def _arriving(
    worker: SpeechToText, data: bytes, at_end: Callable[[Job], object], told: list[dict[str, str]] | None = None
) -> list[dict[str, Any]]:
    """Returns the segments of a stream whose last 200 bytes come once `at_end` has returned. `told` gets the job's
    warnings."""
    sent: list[Any] = []
    job = Job(JobMessage(id=bytes(16), op="transcribe", input="stream"), sent.append)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(worker.run, job)
        try:
            for number, part in enumerate(parts := chunked(data[:-200], 20_000)):
                job.feed(Chunk(id=job.id, seq=number, payload=part))
            at_end(job)
            job.feed(Chunk(id=job.id, seq=len(parts), payload=data[-200:], last=True))
            running.result()
        except BaseException:
            job.cancel()
            raise
    if told is not None:
        told += job.warnings
    return [message.data for message in sent if isinstance(message, Partial) and message.data["kind"] == "segment"]


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "webm", "aac"])
def test_the_text_of_an_arriving_recording_is_that_of_the_file(
    worker: SpeechToText, ask: Ask, given: list[int], first_half: np.ndarray, tmp_path: Path, form: str
) -> None:
    """Its pieces are read before its last byte is here, once each, and every segment is the same."""
    file = tmp_path / f"a.{form}"
    if form.isupper():
        file.write_bytes(encoded(first_half, form=form))
    else:
        film(file, first_half)
    whole = ask(file).segments
    once = sorted(given)
    given.clear()
    segments = _arriving(worker, file.read_bytes(), lambda _: wait_until(lambda: given))
    assert segments == whole
    assert sorted(given) == once


def test_a_wrong_guess_costs_no_word(
    worker: SpeechToText, ask: Ask, given: list[int], first_half: np.ndarray, tmp_path: Path
) -> None:
    """Two channels are read as one until it is known that each has a person of its own."""
    apart = np.zeros((2 * len(first_half), 2), np.float32)
    apart[: len(first_half), 0], apart[len(first_half) :, 1] = first_half, first_half
    file = tmp_path / "a.wav"
    file.write_bytes(encoded(apart))
    whole = ask(file).segments
    assert {segment.get("speaker") for segment in whole} == {"LEFT", "RIGHT"}
    given.clear()
    assert _arriving(worker, file.read_bytes(), lambda _: wait_until(lambda: given)) == whole


def test_a_warning_about_a_text_read_ahead_is_in_the_result(
    worker: SpeechToText, ask: Ask, given: list[int], first_half: np.ndarray, tmp_path: Path, monkeypatch: Any
) -> None:
    """A decoder that loops is told of, however the recording came."""
    engine: Any = worker.engine
    transcribe = engine.transcribe
    looped = "so it goes " * 40
    monkeypatch.setattr(
        engine, "transcribe", lambda *given: [replace(each, text=looped) for each in transcribe(*given)]
    )
    file = tmp_path / "a.wav"
    file.write_bytes(encoded(first_half))
    whole = ask(file).result["warnings"]
    given.clear()
    warnings = list[dict[str, str]]()
    _arriving(worker, file.read_bytes(), lambda _: wait_until(lambda: given), warnings)
    assert warnings == whole


def test_a_recording_that_breaks_off_is_read_no_further(
    worker: SpeechToText, given: list[int], first_half: np.ndarray
) -> None:
    """Its job ends with the cancel, and nothing of it is left at work."""
    with pytest.raises(Cancelled):
        _arriving(worker, encoded(first_half), lambda job: (wait_until(lambda: given), job.cancel()))
    assert not [thread.name for thread in ahead.threading.enumerate() if thread.name == "ahead"]


def test_a_text_read_ahead_with_less_memory_is_a_degraded_job() -> None:
    """The result says that memory was short, whoever has read the text."""
    job = Job(JobMessage(id=bytes(16), op="transcribe", input="stream"), lambda _: None)
    unheard = ahead._Unheard(job)
    assert not job.degraded
    unheard.degraded = True
    assert job.degraded
