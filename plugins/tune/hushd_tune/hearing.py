"""Has each installed model hear the sentences, one model after the other, as ordinary requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from hushd.client import Client
from hushd_models import languages
from hushd_models.catalogue import Known
from hushd_models.choice.models import candidates
from hushd_protocol.errors import HushdError

from .clips import Clip

_OF_ALL = ("cancelled", "no_supervisor", "shutting_down", "supervisor_lost", "input_unreadable", "unauthorised")

Report = Callable[[str, int], None]  # a model, and the number of sentences that it has heard


@dataclass(frozen=True, slots=True)
class Hearings:
    """The transcripts of a model, and its figures.

    Attributes:
        texts: by sentence.
        speed: seconds of audio per second of work.
        first_s: the median time to the first text of a sentence.
        memory_mb: the peak of its process.
    """

    texts: tuple[str, ...]
    speed: float
    first_s: float
    memory_mb: float


def models(client: Client, language: str) -> list[Known]:
    """Returns the installed models that hear a language, or do not say which they hear."""
    described = client.describe("stt").stt
    every = candidates(described)
    return [model for model in every if not model.languages or languages.is_among(language, model.languages)]


def hear(
    client: Client, clips: Sequence[Clip], names: Sequence[str], language: str, report: Report
) -> tuple[dict[str, Hearings], dict[str, str]]:
    """Has models hear the sentences.

    Returns:
        What each model heard, and the reason for each that failed.

    Raises:
        HushdError: errors that are not one model's.
    """
    heard, failed = dict[str, Hearings](), dict[str, str]()
    for name in names:
        try:
            heard[name] = _heard(client, name, clips, language, report)
        except HushdError as error:
            if error.code in _OF_ALL:
                raise
            failed[name] = error.message
    return heard, failed


def _heard(client: Client, name: str, clips: Sequence[Clip], language: str, report: Report) -> Hearings:
    worker, (engine, _, model) = f"stt/{name}", name.partition("/")
    was_running = any(status.name == worker and status.pid for status in client.status().workers)
    report(name, 0)
    client.preload(worker)
    texts, firsts = [], []
    audio_s = work_s = 0.0
    try:
        for number, clip in enumerate(clips, 1):
            began = time.monotonic()
            transcription = client.transcribe_stream(clip.path, engine=engine, model=model, language=language)
            segments, first_s = [], 0.0
            for segment in transcription:
                first_s = first_s or time.monotonic() - began
                segments.append(segment.text)
            took_s = time.monotonic() - began
            texts.append(" ".join(segments))
            firsts.append(first_s or took_s)
            work_s += took_s
            audio_s += transcription.duration
            report(name, number)
        memory_mb = _memory_mb(client, worker)
    finally:
        if not was_running:
            client.unload(worker)  # its memory is for the next one
    return Hearings(tuple(texts), audio_s / max(work_s, 1e-6), median(firsts), memory_mb)


def _memory_mb(client: Client, worker: str) -> float:
    """Returns the peak of the process's resident memory, including pages that it shares."""
    workers = [status for status in client.status().workers if status.name == worker]
    return max((status.peak_rss_mb or status.need_mb for status in workers), default=0.0)
