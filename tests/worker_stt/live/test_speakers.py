"""Speakers, live, with the real models: labels while people talk, and utterances cut where somebody else goes on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hushd_protocol.messages import Partial
from hushd_worker_stt.engine import RATE
from support.conversations import NAGG, NELL, read
from support.stt_jobs import Ask, chunked, s16le

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
