"""Speakers, live, with the real models: labels while people talk, and utterances cut where somebody else goes on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hushd_protocol.messages import Partial
from hushd_worker_stt.diarization.online import OnlineSpeakers
from hushd_worker_stt.engine import RATE
from hushd_worker_stt.worker import SpeechToText
from support.conversations import NAGG, NELL, read
from support.stt_jobs import Ask, Asked, chunked, make_job, s16le

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def dialogue(assets: Path) -> np.ndarray:
    """Nagg and Nell, in turns of 2.6 to 4.2 s: he, she, he, she; of the pauses between, one ends an utterance."""
    whole = read(assets / "endgame_nagg_nell.wav")
    parts = []
    for (start, end), pause in zip((NAGG[2], NELL[1], NAGG[3], NELL[2]), (0.2, 1.5, 0.2, 1.5), strict=True):
        parts += [whole[round(start * RATE) : round(end * RATE)], np.zeros(round(pause * RATE), np.float32)]
    return np.concatenate(parts) + np.random.default_rng(3).normal(0, 1e-3, sum(map(len, parts))).astype(np.float32)


def test_two_people(ask: Ask, dialogue: np.ndarray) -> None:
    """Each turn has its own segments with its speaker's name, which is said meanwhile; the result counts speakers."""
    asked = ask(chunked(s16le(dialogue), 3200), {"live": True, "continuous": True, "diarize": True})
    assert asked.error is None
    names = {segment["id"]: segment["speaker"] for segment in asked.segments}
    news = [message.data for message in asked.messages if isinstance(message, Partial)]
    for event in news:
        if event["kind"] == "revised":
            names |= dict.fromkeys(event["segments"], event["speaker"])
    middles = {segment["id"]: (segment["start"] + segment["end"]) / 2 for segment in asked.segments}
    edges = (0.0, 3.9, 8.5, 11.4, 15.0)  # of the turns and the pauses after them
    spoken = [[name for number, name in names.items() if a < middles[number] < b] for a, b in pairwise(edges)]
    assert all(spoken)
    assert {frozenset(turn) for turn in spoken[::2]} == {frozenset(["SPEAKER_00"])}
    assert {frozenset(turn) for turn in spoken[1::2]} == {frozenset(["SPEAKER_01"])}
    assert asked.result["speakers"] == 2
    kinds = [event["kind"] for event in news]
    assert kinds.index("began") < kinds.index("speaker") < kinds.index("segment")


def test_speakers_while_memory_is_short(
    worker: SpeechToText, dialogue: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live, names stay as the voices changed, without a second clustering; a recording's models are not loaded for it,
    and the result says why it has no names. Voiceprints are made all the same, since they are nothing else."""
    sound = chunked(s16le(dialogue), 3200)

    def heard(**params: object) -> tuple[Asked, bool]:
        job, asked = make_job(list(sound), {"format": "s16le", "diarize": True, **params}, economy=True)
        asked.result = worker.run(job)
        return asked, job.degraded

    worker._diarization_models()
    monkeypatch.setattr(OnlineSpeakers, "settle", lambda *_: pytest.fail("clustered again"))
    asked, degraded = heard(live=True, continuous=True)
    assert {segment["speaker"] for segment in asked.segments} == {"SPEAKER_00", "SPEAKER_01"}
    assert degraded
    monkeypatch.setattr(worker, "_diarization", None)
    asked, degraded = heard()
    assert not any(segment.get("speaker") for segment in asked.segments)
    assert [warning["code"] for warning in asked.result["warnings"]] == ["speakers_unknown"]
    assert degraded
    asked, _ = heard(voiceprints=True)
    assert asked.result["voices"]
