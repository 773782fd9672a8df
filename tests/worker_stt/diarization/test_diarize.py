"""Telling people apart in real recordings, spliced here into conversations whose turns are known."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from hushd_protocol.messages import Message, Partial, Progress
from hushd_worker.job import Cancelled, Job
from hushd_worker_stt.audio.level import normalise
from hushd_worker_stt.diarization.diarize import Diarizer
from hushd_worker_stt.diarization.models import DiarizationModels
from hushd_worker_stt.diarization.turns import SpeakerTurn
from hushd_worker_stt.engine import RATE
from hushd_worker_stt.worker import SpeechToText
from support.conversations import NAGG, NELL, Conversation, Utterance, read, spliced, utterances
from support.der import Spoken, diarization_errors
from support.refusals import hushd_error
from support.stt_jobs import Ask, Asked, chunked, make_job, s16le
from support.wer import word_error_rate

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="session")
def job(ask: Ask, models: DiarizationModels, talk: Conversation) -> tuple[Asked, Diarizer]:
    """The answer of a job to the question who speaks in `talk`, and the diarizer that it had."""
    diarizers: list[Diarizer] = []

    class Kept(Diarizer):
        def __init__(self, models: DiarizationModels, **options: Any) -> None:
            super().__init__(models, **options)
            diarizers.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hushd_worker_stt.transcription._PROGRESS_S", 2.0)
        patch.setattr("hushd_worker_stt.diarization.diarize.Diarizer", Kept)
        asked = ask(chunked(s16le(talk.samples), 60_000), {"format": "s16le", "diarize": True, "language": "en"})
    (diarizer,) = diarizers
    return asked, diarizer


@pytest.fixture(scope="session")
def diarizer(job: tuple[Asked, Diarizer]) -> Diarizer:
    return job[1]


def turns(models: DiarizationModels, samples: np.ndarray, block: int = RATE) -> list[SpeakerTurn]:
    return heard(models, samples, block).turns()


def heard(models: DiarizationModels, samples: np.ndarray, block: int = RATE, *, simple: bool = False) -> Diarizer:
    diarizer = Diarizer(models, simple=simple)
    for start in range(0, len(samples), block):
        diarizer.feed(samples[start : start + block])
    return diarizer


def spoken(found: list[SpeakerTurn]) -> list[Spoken]:
    return [Spoken(turn.start, turn.end, turn.speaker) for turn in found]


def test_a_conversation(diarizer: Diarizer, talk: Conversation) -> None:
    """Less than a tenth of three people's talk with overlaps is wrong, their number unknown; the first is 0."""
    found = diarizer.turns()
    assert {turn.speaker for turn in found} == {0, 1, 2}
    assert [turn.start for turn in found] == sorted(turn.start for turn in found)
    assert found[0].speaker == 0
    assert diarization_errors(talk.spoken, spoken(found)).rate < 0.10


@pytest.mark.parametrize(
    ("seconds", "simple"), [(17.3, False), (17.3, True), pytest.param(28.0, False, marks=pytest.mark.night)]
)
def test_a_real_dialogue(models: DiarizationModels, assets: Path, seconds: float, simple: bool) -> None:
    """Two people on a stage, in turns of a second and more, as they were recorded; two also in the simple way."""
    samples = read(assets / "endgame_nagg_nell.wav")[: round(seconds * RATE)]
    truth = [Spoken(*turn, who) for who, said in (("nagg", NAGG), ("nell", NELL)) for turn in said if turn[1] < seconds]
    found = heard(models, samples, simple=simple).turns()
    assert {turn.speaker for turn in found} == {0, 1}
    errors = diarization_errors(truth, spoken(found))
    limit = 0.2 if simple else 0.08  # how much of the quiet between lines is a turn was not labelled
    assert errors.confused / errors.speech < limit


@pytest.mark.night
def test_a_made_voice(models: DiarizationModels, people: dict[str, list[Utterance]]) -> None:
    """The voice of the speech synthesiser is a person beside a real one."""
    from hibari import SAMPLE_RATE, Hibari

    sentences = [
        "Good evening, is anybody at home?",
        "It rained for three days, and the river rose.",
        "I do not think so.",
    ]
    made = soxr.resample(np.concatenate([Hibari()(sentence) for sentence in sentences]), SAMPLE_RATE, RATE)
    pair = spliced({"nagg": people["nagg"], "heart": utterances(normalise(made.astype(np.float32)))}, 2, 5, seconds=40)
    found = turns(models, pair.samples)
    assert {turn.speaker for turn in found} == {0, 1}
    assert diarization_errors(pair.spoken, spoken(found)).rate < 0.10


@pytest.mark.night
def test_one_person_stays_one(models: DiarizationModels, assets: Path) -> None:
    """Forty seconds of one reader, and ten seconds of her in another recording, are one person."""
    samples = np.concatenate((read(assets / "two_cities.wav"), read(assets / "beckett.wav")))
    assert {turn.speaker for turn in turns(models, samples)} == {0}


@pytest.mark.parametrize("count", [2, 4])
def test_a_known_number_of_speakers(diarizer: Diarizer, count: int) -> None:
    """Told how many there are, it finds that many, also where it would have found three."""
    assert len({turn.speaker for turn in diarizer.turns(count)}) == count


@pytest.mark.parametrize(
    "samples",
    [
        lambda: np.zeros(0),
        lambda: np.zeros(1),
        pytest.param(lambda: np.zeros(25 * RATE), marks=pytest.mark.night),
        lambda: np.full(300, 0.5),
        pytest.param(lambda: np.full(20 * RATE, 0.5), marks=pytest.mark.night),
        lambda: np.random.default_rng(1).normal(0, 0.1, 20 * RATE),
        pytest.param(lambda: np.random.default_rng(1).normal(0, 0.0005, 20 * RATE), marks=pytest.mark.night),
    ],
    ids=["nothing", "a sample", "silence", "a click", "direct current", "noise", "faint noise"],
)
def test_nobody(models: DiarizationModels, samples: Callable[[], np.ndarray]) -> None:
    """There is no turn without speech, whatever else there is and however many speakers are asked for."""
    diarizer = heard(models, samples().astype(np.float32))
    assert [diarizer.turns(speakers) for speakers in (0, 3)] == [[], []]


@pytest.mark.parametrize("gone", ["onnxruntime", "moonshine", "models"])
def test_missing_packages_are_named(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra to install is told where one of its packages is missing, or has another version."""
    if gone == "onnxruntime":
        real = builtins.__import__

        def without(name: str, *args: Any, **options: Any) -> Any:
            if name == gone:
                raise ImportError(name)
            return real(name, *args, **options)

        monkeypatch.setattr(builtins, "__import__", without)
    elif gone == "moonshine":
        monkeypatch.setattr("hushd_worker_stt.engines.moonshine.package", lambda: None)
    else:
        monkeypatch.setattr("hushd_worker_stt.diarization.models._model", lambda library, name: b"nonsense")
    with hushd_error("engine_missing", r"\[diarize\]"):
        DiarizationModels()


class TestJobs:
    """`diarize` as a parameter of a job, on the default engine."""

    def test_segments_carry_speakers(self, job: tuple[Asked, Diarizer], talk: Conversation) -> None:
        """Each segment has one speaker, the right one, numbered from the first on; the result has their count."""
        asked, _ = job
        assert asked.error is None
        labels = [segment["speaker"] for segment in asked.segments]
        assert labels[0] == "SPEAKER_00"
        assert set(labels) == {"SPEAKER_00", "SPEAKER_01", "SPEAKER_02"}
        assert asked.result["speakers"] == 3
        assert asked.result["duration"] == pytest.approx(len(talk.samples) / RATE, abs=0.01)
        found = [Spoken(segment["start"], segment["end"], segment["speaker"]) for segment in asked.segments]
        errors = diarization_errors(talk.spoken, found)
        assert errors.confused / errors.speech < 0.10
        starts = [segment["start"] for segment in asked.segments]
        assert starts == sorted(starts)

    def test_words_survive(self, ask: Ask, beckett: np.ndarray) -> None:
        """A single speaker's transcript is the same as without `diarize`."""
        samples = s16le(beckett[: int(5.8 * RATE)])
        plain = ask(samples, {"format": "s16le"})
        reading = ask(chunked(samples, 60_000), {"format": "s16le", "diarize": True})
        assert {segment["speaker"] for segment in reading.segments} == {"SPEAKER_00"}
        assert reading.result == plain.result | {"speakers": 1, "segments": reading.result["segments"]}
        assert all("speaker" not in segment for segment in plain.segments)
        assert word_error_rate(plain.text, reading.text) <= 0.02

    def test_progress_goes_through_both_passes(self, job: tuple[Asked, Diarizer]) -> None:
        """It rises from the first pass to the second, and never beyond the whole."""
        done = [each.done for each in job[0].progress]
        assert done == sorted(done)
        assert done[0] <= 13.7 < done[-1]  # half of all that is to be done
        assert all(each.done <= each.total for each in job[0].progress if each.total)

    def test_speakers_given(self, ask: Ask, models: DiarizationModels, talk: Conversation) -> None:
        """The number asked for is kept; nobody is nobody."""
        asked = ask(s16le(talk.samples), {"format": "s16le", "diarize": True, "speakers": 2, "language": "en"})
        assert asked.result["speakers"] == 2
        asked = ask(s16le(np.zeros(3 * RATE, np.float32)), {"format": "s16le", "diarize": True})
        assert (asked.segments, asked.result["speakers"]) == ([], 0)

    @pytest.mark.parametrize("when", [pytest.param(Progress, marks=pytest.mark.night), Partial])
    def test_cancel(self, worker: SpeechToText, models: DiarizationModels, talk: Conversation, when: type) -> None:
        """It ends in either pass."""

        def cancel(job: Job, message: Message) -> None:
            if isinstance(message, when):
                job.cancel()

        job, asked = make_job(
            s16le(talk.samples), {"format": "s16le", "diarize": True, "language": "en"}, on_send=cancel
        )
        with pytest.raises(Cancelled):
            worker.run(job)
        assert sum(isinstance(message, when) for message in asked.messages) <= 2

    def test_memory_is_short(self, worker: SpeechToText, models: DiarizationModels, talk: Conversation) -> None:
        """Speakers are told apart in a simpler way then, with one window in ten seconds, and the result says so;
        voiceprints, which are kept, are made in the usual way."""

        def heard(**params: object) -> tuple[Asked, bool]:
            job, asked = make_job(
                s16le(talk.samples), {"format": "s16le", "diarize": True, "language": "en", **params}, economy=True
            )
            asked.result = worker.run(job)
            return asked, job.degraded

        asked, degraded = heard()
        assert {segment["speaker"] for segment in asked.segments} == {"SPEAKER_00", "SPEAKER_01", "SPEAKER_02"}
        codes = [warning["code"] for warning in asked.result["warnings"]]
        assert [code for code in codes if code != "unlikely_text"] == ["speakers_unsure"]  # words have their own claim
        assert degraded
        asked, _ = heard(voiceprints=True)
        assert asked.result["voices"]
        assert "warnings" not in asked.result
