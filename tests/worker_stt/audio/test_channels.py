"""Two people in the two channels of a recording: whether they are, whom each channel has, and their transcript."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hushd_worker_stt.audio.channels import Channels, each_a_person, without_echo
from hushd_worker_stt.engine import RATE
from hushd_worker_stt.worker import SpeechToText
from support.sounds import song
from support.stt_jobs import Ask, chunked, encoded, make_job, s16le
from support.wer import BECKETT, word_error_rate

ECHO = np.float32(0.1)  # -20 dB


@pytest.fixture(scope="module")
def talk(beckett: np.ndarray) -> np.ndarray:
    """Beckett is read on the left, then on the right; nobody speaks at once."""
    half = np.zeros_like(beckett)
    return np.stack([np.concatenate([beckett, half]), np.concatenate([half, beckett])], axis=1)


def blocks(pair: np.ndarray, length: int = 7_000) -> Iterator[np.ndarray]:
    return (pair[start : start + length] for start in range(0, len(pair), length))


def test_two_people_are_told_from_one(talk: np.ndarray, beckett: np.ndarray) -> None:
    """A channel each, also with an echo; one person in both, louder in one, or beside noise or nothing, is one."""
    noise = np.random.default_rng(1).normal(0, 0.003, len(beckett)).astype(np.float32)
    assert each_a_person(blocks(talk), asked=False)
    assert each_a_person(blocks(talk + ECHO * talk[:, ::-1]), asked=False)
    for other in (beckett, beckett / 2, beckett / 10, np.zeros_like(beckett), noise):
        assert not each_a_person(blocks(np.stack([beckett, other], axis=1)), asked=False)
        assert not each_a_person(blocks(np.stack([other, beckett], axis=1)), asked=False)


def test_music_is_nobody() -> None:
    """Another tune in each channel."""
    pair = np.stack([song(1), song(2)], axis=1)
    assert not each_a_person(blocks(pair), asked=False)


def test_who_asks_is_refused_only_where_channels_are_alike(talk: np.ndarray, beckett: np.ndarray) -> None:
    """A call of which only one person was kept is heard apart; the same in both would be heard twice."""
    silent = np.zeros_like(beckett)
    assert each_a_person(blocks(talk), asked=True)
    assert each_a_person(blocks(np.stack([beckett, silent], axis=1)), asked=True)
    assert not each_a_person(blocks(np.stack([beckett, beckett * 0.7], axis=1)), asked=True)


@pytest.mark.parametrize("length", [333, 16_000, 400_000])
def test_an_echo_is_silent_and_own_speech_is_not(talk: np.ndarray, length: int) -> None:
    """Whatever the blocks' lengths, no sample is lost, the echo is silent, and speech is as it was."""
    heard = np.concatenate([*without_echo(blocks(talk + ECHO * talk[:, ::-1], length))])
    assert heard.shape == talk.shape
    half = len(talk) // 2
    aside = RATE // 2  # own speech that begins there keeps what is around it
    assert np.abs(heard[: half - aside, 1]).max() < 0.03 * np.abs(talk).max()
    assert np.abs(heard[half + aside :, 0]).max() < 0.03 * np.abs(talk).max()
    loud = np.abs(talk) > 0.1
    assert np.abs(heard - talk)[loud].max() < 0.15


def test_both_at_once_are_kept(beckett: np.ndarray) -> None:
    """Two voices at once, one 9 dB below the other, are not an echo."""
    pair = np.stack([beckett, np.roll(beckett, 5_000) * np.float32(0.35)], axis=1)
    heard = np.concatenate([*without_echo(blocks(pair))])
    assert np.sum(heard[:, 1] ** 2) > 0.97 * np.sum(pair[:, 1] ** 2)


def test_channels_are_read_at_their_own_pace(talk: np.ndarray) -> None:
    """One to its end before the other begins; both are what they were."""
    channels = Channels(blocks(talk))
    right = np.concatenate([*channels.channel(1)])
    left = np.concatenate([*channels.channel(0)])
    channels.close()
    assert np.array_equal(np.stack([left, right], axis=1), talk)


@pytest.mark.parametrize("params", [{}, {"diarize": True}])
def test_a_call_is_one_transcript_by_time(ask: Ask, talk: np.ndarray, params: dict[str, bool]) -> None:
    """Named LEFT and RIGHT without a question, also instead of diarization; an echo is not heard twice."""
    asked = ask(encoded(talk + ECHO * talk[:, ::-1]), params)
    segments = asked.segments
    for name in ("LEFT", "RIGHT"):
        text = " ".join(segment["text"] for segment in segments if segment["speaker"] == name)
        assert word_error_rate(BECKETT, text) <= 2 / 12
    assert asked.result["speakers"] == 2
    assert all(earlier["start"] <= later["start"] for earlier, later in pairwise(segments))
    assert [segment["id"] for segment in segments] == list(range(asked.result["segments"]))


def test_who_answers_meanwhile_comes_in_between(ask: Ask, beckett: np.ndarray) -> None:
    """The right speaks while the left goes on: segments are in the order of their beginnings, none twice."""
    left = np.concatenate([beckett, beckett])
    right = np.concatenate([np.zeros(6 * RATE, np.float32), beckett, np.zeros(len(beckett) - 6 * RATE, np.float32)])
    asked = ask(encoded(np.stack([left, right], axis=1)), {"by_channel": True})
    said = {name: [s for s in asked.segments if s["speaker"] == name] for name in ("LEFT", "RIGHT")}
    assert [s["start"] for s in asked.segments] == sorted(s["start"] for s in asked.segments)
    assert word_error_rate(f"{BECKETT} {BECKETT}", " ".join(s["text"] for s in said["LEFT"])) <= 4 / 24
    assert word_error_rate(BECKETT, " ".join(s["text"] for s in said["RIGHT"])) <= 2 / 12


@pytest.mark.parametrize("params", [{"by_channel": False}, {"clips": [0, 5]}])
def test_channels_are_mixed_for_who_says_so(ask: Ask, talk: np.ndarray, params: dict[str, object]) -> None:
    """Those of a part of a recording are, too; nobody is named."""
    asked = ask(encoded(talk), params)
    assert asked.segments
    assert not any(segment.get("speaker") for segment in asked.segments)


def test_raw_audio_has_channels_for_who_asks(ask: Ask, talk: np.ndarray) -> None:
    """Nothing can be looked at first of audio as it arrives."""
    raw = {"format": "s16le", "channels": 2}
    data = chunked(s16le(talk.reshape(-1)), 60_000)
    assert {s["speaker"] for s in ask(list(data), raw | {"by_channel": True}).segments} == {"LEFT", "RIGHT"}
    assert not any(s.get("speaker") for s in ask(list(data), raw).segments)


def test_channels_and_parts_are_refused(worker: SpeechToText) -> None:
    """A sentence says what to leave out."""
    from hushd_protocol.errors import HushdError

    job, _ = make_job(b"", {"by_channel": True, "clips": [0, 5]})
    with pytest.raises(HushdError, match="Channels are heard apart in whole recordings"):
        worker.run(job)
