"""Has each installed model hear the sentences, one model after the other, as ordinary requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from hushd.client import Client
from hushd.model_choice import Candidate, candidates
from hushd_models import user_models
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import replace
from hushd_protocol.system import paths

from .ranking import Heard
from .tuning_folder import Clip, Hearing, TuningFolder

_OF_ALL = ("cancelled", "no_supervisor", "shutting_down", "supervisor_lost", "input_unreadable", "unauthorised")

Report = Callable[[str, int], None]  # a model, and the number of sentences that it has heard


def models(client: Client, language: str) -> list[Candidate]:
    """Returns the installed models that hear a language, or do not say which they hear."""
    described = client.describe("stt").stt
    every = candidates(described, added=user_models.configured(paths.find().config))
    return [model for model in every if not model.languages or model.hears(language)]


def hear(
    client: Client,
    tuning: TuningFolder,
    clips: Sequence[Clip],
    names: Sequence[str],
    language: str,
    report: Report,
    again: bool = False,
) -> dict[str, str]:
    """Has models hear the sentences that they have not heard, and keeps each model's texts when it has heard all.

    Args:
        again: has them hear all sentences.

    Returns:
        The reason for each model that failed.

    Raises:
        HushdError: errors that are not one model's.
    """
    known, failed = tuning.heard(), dict[str, str]()
    for name in names:
        missing = [clip for clip in clips if again or clip.key not in known.get(name, {})]
        if not missing:
            continue
        try:
            heard = _heard(client, name, missing, language, report)
        except HushdError as error:
            if error.code in _OF_ALL:
                raise
            failed[name] = error.message
            continue
        known[name] = {**known.get(name, {}), **heard}
        tuning.keep(known)
    return failed


def summary(model: str, clips: Sequence[Clip], heard: Mapping[str, Hearing], errors: Sequence[int]) -> Heard:
    """Returns a model's figures over the sentences."""
    own = [heard[clip.key] for clip in clips]
    speed = sum(hearing.audio_s for hearing in own) / max(sum(hearing.work_s for hearing in own), 1e-6)
    memory_mb = max(hearing.memory_mb for hearing in own)
    return Heard(model, tuple(errors), speed, median(hearing.first_s for hearing in own), memory_mb)


def _heard(client: Client, name: str, clips: Sequence[Clip], language: str, report: Report) -> dict[str, Hearing]:
    worker, (engine, _, model) = f"stt/{name}", name.partition("/")
    was_running = any(status.name == worker and status.pid for status in client.status().workers)
    report(name, 0)
    client.preload(worker)
    heard = {}
    try:
        for number, clip in enumerate(clips, 1):
            began = time.monotonic()
            transcription = client.transcribe_stream(clip.path, engine=engine, model=model, language=language)
            texts, first_s = [], 0.0
            for segment in transcription:
                first_s = first_s or time.monotonic() - began
                texts.append(segment.text)
            work_s = time.monotonic() - began
            heard[clip.key] = Hearing(
                text=" ".join(texts),
                work_s=work_s,
                first_s=first_s or work_s,
                audio_s=transcription.duration,
                memory_mb=0.0,
            )
            report(name, number)
        memory_mb = _memory_mb(client, worker)
    finally:
        if not was_running:
            client.unload(worker)  # its memory is for the next one
    return {key: replace(hearing, memory_mb=memory_mb) for key, hearing in heard.items()}


def _memory_mb(client: Client, worker: str) -> float:
    """Returns the peak of the process's resident memory, including pages that it shares."""
    workers = [status for status in client.status().workers if status.name == worker]
    return max((status.peak_rss_mb or status.need_mb for status in workers), default=0.0)
