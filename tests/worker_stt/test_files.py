"""A file's way through the worker, with an engine that does what it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Message, Partial
from hushd_protocol.messages import Job as JobMessage
from hushd_protocol.system.cgroup import Limit
from hushd_schema import engines
from hushd_schema.engines import EngineSpec
from hushd_worker import usage
from hushd_worker.job import Job
from hushd_worker_stt import hearing, transcription
from hushd_worker_stt.audio.level import level
from hushd_worker_stt.audio.prefetch import Prefetcher
from hushd_worker_stt.engine import (
    RATE,
    DetectedLanguage,
    Options,
    PieceLength,
    Segment,
    Word,
)
from hushd_worker_stt.worker import SpeechToText
from msgspec.structs import replace
from support.peer import BOUND_S, wait_until
from support.stt_jobs import Asked, EngineAtOnce, make_job, s16le


class Scripted(EngineAtOnce):
    """Notes what it is given; hears German; says what `says` makes of a piece."""

    SPEC = EngineSpec(
        name="scripted",
        role="stt",
        engine=f"{__name__}:Scripted",
        default_model="many",
        models={"many": {"languages": "en de fr", "memory_mb": 1}, "one": {"languages": "en", "memory_mb": 1}},
        streaming=True,
        word_times=True,
        translates=True,
    )
    PIECE = PieceLength(8.0, 15.0)
    PIECE_ECONOMY = PieceLength(3.0, 5.0)
    hears: str | None = "de"

    def load(self, model: str, report: Callable[[str], None]) -> None:
        self.given: list[tuple[float, Options]] = []  # the level of each piece, and its options
        self.asked = 0  # how often for a language
        self.likely: dict[str, float] = {}
        self.lengths: list[float] = []
        self.says: Callable[[np.ndarray], Iterable[Segment]] = lambda samples: [Segment(0, len(samples) / RATE, "Yes.")]

    def detect_language(self, samples: np.ndarray) -> DetectedLanguage | None:
        self.asked += 1
        return DetectedLanguage(self.hears, 0.87654, self.likely) if self.hears else None

    def transcribe(self, samples: np.ndarray, options: Options) -> Iterable[Segment]:
        self.given.append((level(samples), options))
        self.lengths.append(len(samples) / RATE)
        self.degraded = self.degraded or (self.economy and options.beam == 7)
        return self.says(samples)


@pytest.fixture(params=["many"])
def scripted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SpeechToText:
    """A worker with the scripted engine, to which sound comes as it is spoken, however fast a test sends it."""
    monkeypatch.setattr(transcription, "_AS_SPOKEN", 0.0)
    monkeypatch.setattr(engines, "added", lambda: (Scripted.SPEC,))
    worker = SpeechToText("scripted", request.param)
    worker.load(lambda note: None)
    return worker


def engine(worker: SpeechToText) -> Scripted:
    assert isinstance(worker.engine, Scripted)
    return worker.engine


def run(worker: SpeechToText, samples: np.ndarray, economy: bool = False, **params: object) -> tuple[Asked, bool]:
    """Transcribes raw samples; the outcome, and whether it was done with less."""
    data = s16le(samples)
    chunks = [data[at : at + 60_000] for at in range(0, len(data), 60_000)] or [b""]
    job, asked = make_job(chunks, {"format": "s16le", **params}, economy=economy)
    asked.result = worker.run(job)
    return asked, job.degraded


@pytest.mark.parametrize(("own", "language", "probability"), [
    ([], "en", 0.5), (["en"], "en", 0.5), (["de"], "de", 0.811), (["de-AT", "en"], "de", 0.811),
    (["pt", "fr"], "fr", 0.714), (["fr", "de"], "de", 0.545), (["pt"], "en", 0.5),
])  # fmt: skip
def test_the_users_languages_are_likelier(
    scripted: SpeechToText,
    beckett: np.ndarray,
    own: list[str],
    language: str,
    probability: float,
) -> None:
    """Each but English, for which models take others; a requested language stays."""
    engine(scripted).likely = {"en": 0.5, "de": 0.3, "fr": 0.2}
    asked, _ = run(scripted, beckett, languages=own)
    heard = asked.result["language"], asked.result["language_probability"], engine(scripted).given[0][1].language
    assert heard == (language, pytest.approx(probability, abs=0.001), language)
    assert run(scripted, beckett, languages=own, language="fr")[0].result["language"] == "fr"


def test_the_first_recording_finds_its_detector_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is loaded beside the engine, on another core, and whoever speaks first does not wait for it."""
    loads: list[str] = []
    monkeypatch.setattr(hearing, "load_detector", lambda: loads.append("detector"))
    monkeypatch.setattr(engines, "added", lambda: (Scripted.SPEC,))
    SpeechToText("scripted", "many").load(lambda note: None)
    assert loads == ["detector"]


@pytest.mark.parametrize(
    ("batch", "device", "taken"), [(1, "cpu", (1, 4)), (8, "cpu", (1, 4)), (1, "cuda", (1, 4)), (8, "cuda", (8, 64))]
)
def test_an_engine_of_batches_on_a_card_takes_more_at_once(
    batch: int, device: str, taken: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recordings, and live sessions; batches on a processor, and a card without them, are no reason."""
    monkeypatch.setattr(engines, "added", lambda: (Scripted.SPEC,))
    monkeypatch.setattr(Scripted, "batch", batch)
    monkeypatch.setattr(Scripted, "compute_device", device, raising=False)
    worker = SpeechToText("scripted", "many")
    worker.load(lambda note: None)
    assert (worker.slots, worker.sessions) == taken


def test_a_piece_comes_levelled_with_its_options(scripted: SpeechToText, beckett: np.ndarray) -> None:
    """However quiet: the engine is given the level it asks for at least, and everything the client asked for."""
    asked, _ = run(
        scripted, beckett * 0.02, language="fr", task="translate", prompt="p", hotwords="h", beam_size=3,
        temperature=0.5, word_times=True,
    )  # fmt: skip
    ((loudness, options),) = engine(scripted).given
    assert loudness == pytest.approx(Scripted.LEVEL.quietest, rel=0.05)
    assert options == Options("fr", True, "p", "h", 3, 0.5, True)
    assert asked.result["language"] == "fr"
    assert "language_probability" not in asked.result
    assert engine(scripted).asked == 0


class Speaker:
    """Somebody whose words come as they are spoken, part by part."""

    def __init__(self, worker: SpeechToText, **params: object) -> None:
        params = {"format": "s16le", "as_spoken": True, "language": "de"} | params
        self.job = Job(JobMessage(id=bytes(16), op="transcribe", params=params, input="stream"), self._send)
        self.segments: list[str] = []
        self._work = ThreadPoolExecutor(1).submit(worker.run, self.job)

    def say(self, samples: np.ndarray, *, last: bool = False) -> None:
        self.job.feed(Chunk(id=self.job.id, seq=0, payload=s16le(samples), last=last))

    def result(self) -> JsonObject:
        return self._work.result(BOUND_S)

    def _send(self, message: Message) -> None:
        if isinstance(message, Partial):
            self.segments.append(message.data["text"])


QUIET = np.zeros(round(0.6 * RATE), np.float32)
LONG_QUIET = np.zeros(3 * RATE, np.float32)


def test_what_comes_as_it_is_spoken_is_read_in_the_pause(scripted: SpeechToText, beckett: np.ndarray) -> None:
    """The text is made before the end has come, and once: nobody has spoken since. Its language is asked for once."""
    made = engine(scripted).lengths
    speaker = Speaker(scripted, language=None)
    speaker.say(np.concatenate((beckett[: round(1.5 * RATE)], QUIET)))
    wait_until(lambda: len(made) == 1)
    speaker.say(LONG_QUIET, last=True)
    assert speaker.result()["language"] == "de"
    assert speaker.segments == ["Yes."]
    assert engine(scripted).asked == len(made) == 1


def test_speech_after_a_pause_is_read_with_what_was_before(scripted: SpeechToText, beckett: np.ndarray) -> None:
    """A short beginning is read again with what follows it, as one piece."""
    made = engine(scripted).lengths
    speaker = Speaker(scripted)
    speaker.say(np.concatenate((beckett[: round(1.3 * RATE)], QUIET)))
    wait_until(lambda: len(made) == 1)
    speaker.say(np.concatenate((beckett[round(1.8 * RATE) : 3 * RATE], LONG_QUIET)), last=True)
    speaker.result()
    assert len(speaker.segments) == 1
    before, last = made
    assert before < 2 < 3 < last


def test_a_beginning_is_not_read_where_more_has_come(
    scripted: SpeechToText, beckett: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A beginning and what follows it after a short pause, said while the engine read, are read once, as one piece."""

    @contextmanager
    def all_at_once(items: Iterable[object]) -> Iterator[Prefetcher[object]]:
        made = Prefetcher(items, 9)
        made.make()
        yield made

    monkeypatch.setattr(transcription, "prefetch", all_at_once)
    first, then = beckett[: round(1.3 * RATE)], beckett[round(1.8 * RATE) : 3 * RATE]
    speaker = Speaker(scripted)
    speaker.say(np.concatenate((first, QUIET, then, LONG_QUIET)), last=True)
    speaker.result()
    (length,) = engine(scripted).lengths
    assert length > 3


def test_a_recording_is_not_read_in_its_pauses(
    scripted: SpeechToText, beckett: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sound that comes faster than anybody speaks is read once, though the reader keeps up with it."""
    monkeypatch.setattr(transcription, "_AS_SPOKEN", 1e6)
    monkeypatch.setattr(Prefetcher, "waiting", False)
    first, then = beckett[: round(1.3 * RATE)], beckett[round(1.8 * RATE) : 3 * RATE]
    speaker = Speaker(scripted)
    speaker.say(np.concatenate((first, QUIET, then, LONG_QUIET)), last=True)
    speaker.result()
    assert len(engine(scripted).lengths) == 1


def test_an_error_does_not_wait_for_the_rest_of_a_stream(scripted: SpeechToText, beckett: np.ndarray) -> None:
    """The sender gets it while nobody speaks."""

    def fails(samples: np.ndarray) -> list[Segment]:
        raise HushdError("internal", "The engine fails.")

    engine(scripted).says = fails
    speaker = Speaker(scripted)
    speaker.say(np.concatenate((beckett[: 4 * RATE], QUIET)))
    with pytest.raises(HushdError, match="engine fails"):
        speaker.result()


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(
    ("scripted", "figures", "why"),
    [
        ("many", {"language_probability": 0.006}, "it was read as German, and the model hears another language"),
        ("many", {"language_probability": 0.48, "log_probability": -2.0}, ""),
        ("one", {"log_probability": -1.5}, "the model knows English only"), ("one", {"log_probability": -0.5}, ""),
    ],
    indirect=["scripted"],
)  # fmt: skip
def test_a_text_that_the_model_doubts_is_marked(
    scripted: SpeechToText, beckett: np.ndarray, monkeypatch: pytest.MonkeyPatch, figures: dict[str, float], why: str,
    live: bool,
) -> None:  # fmt: skip
    """Its own figures tell it, of the first text, too, in a recording and live; the warning says what to do."""
    monkeypatch.setattr(Scripted, "SPEC", replace(Scripted.SPEC, streaming=False))  # too slow to read twice
    engine(scripted).says = lambda samples: [Segment(0.0, 2.0, "Thank you for watching this.", **figures)]
    how = {"live": True, "continuous": True} if live else {}
    asked, _ = run(scripted, beckett, **how)
    assert {segment.get("unlikely", False) for segment in asked.segments} == {bool(why)}
    assert bool(asked.result.get("unlikely")) is bool(why)
    assert [warning["code"] for warning in asked.result.get("warnings", ())] == ["unlikely_text"] * bool(why)
    assert why in str(asked.result)
    named, _ = run(scripted, beckett, language="en", **how)
    assert (named.text, "unlikely" in str(named.messages)) == (asked.text, False)


@pytest.mark.parametrize("again", ["Thank you.", " ".join(f"other{number}" for number in range(20))])
def test_a_text_longer_than_anybody_can_say_is_read_again(
    scripted: SpeechToText, beckett: np.ndarray, again: str
) -> None:
    """The new text has other words than those of a loop; if it is as long then, a warning says so."""
    texts = iter([" ".join(f"word{number}" for number in range(99)), again])
    engine(scripted).says = lambda samples: [Segment(0.0, 2.0, next(texts))]
    asked, _ = run(scripted, beckett[: 2 * RATE], language="en")
    assert engine(scripted).lengths[1] > engine(scripted).lengths[0]
    assert bool(asked.result.get("warnings")) is (again != "Thank you.")


def test_the_language_is_told_once_from_the_first_speech(scripted: SpeechToText, beckett: np.ndarray) -> None:
    """Silence first does not matter; what the first piece is spoken in holds for all."""
    quiet = np.zeros(20 * RATE, np.float32)
    asked, _ = run(scripted, np.concatenate([quiet, beckett, quiet, beckett]))
    assert engine(scripted).asked == 1
    assert [options.language for _, options in engine(scripted).given] == ["de", "de"]
    assert [segment["language"] for segment in asked.segments] == ["de", "de"]
    assert (asked.result["language"], asked.result["language_probability"]) == ("de", 0.8765)


def test_a_segment_says_where_the_rest_begins(scripted: SpeechToText, beckett: np.ndarray) -> None:
    """The first two of three segments of a piece send whoever resumes back to its start, the third to its end."""
    engine(scripted).says = lambda samples: [Segment(n, n + 1, str(n)) for n in range(3)]
    asked, _ = run(scripted, np.concatenate([np.zeros(3 * RATE, np.float32), beckett]), start_s=0.0)
    first, second, third = (segment["rest"] for segment in asked.segments)
    assert first == second == asked.segments[0]["start"] > 2.0
    assert third - first == pytest.approx(engine(scripted).lengths[0], abs=0.001)
    assert [asked.resumed_at(number)[1] for number in (1, 2)] == [[], []]
    assert asked.resumed_at(3)[1] == asked.segments


def test_times_are_those_of_the_recording(scripted: SpeechToText, beckett: np.ndarray) -> None:
    """Segments and words of a piece far into a recording, and one resumed, come at the right time."""
    word = Word("Yes.", 0.25, 0.5)
    engine(scripted).says = lambda samples: [Segment(0.25, 1.0, "Yes.", (word,)), Segment(1.0, 2.0, "No.")]
    audio = np.concatenate([np.zeros(10 * RATE, np.float32), beckett])
    for start in (0.0, 7.0):
        asked, _ = run(scripted, audio, start_s=start)
        first, second = asked.segments
        # The first word is 0.35 s into the recording; the piece begins 0.5 s before, or where the audio does.
        assert first["start"] == pytest.approx(9.85 + 0.25, abs=0.1)
        assert first["words"] == [{"word": "Yes.", "start": first["start"], "end": round(first["start"] + 0.25, 3)}]
        assert second["start"] == pytest.approx(first["end"], abs=0.002)
        assert "words" not in second
        assert asked.result["duration"] == pytest.approx(19.963, abs=0.001)
    assert [progress.done for progress in asked.progress] == pytest.approx([17.0], abs=2.0)


def test_one_text_is_parted_at_the_pauses(scripted: SpeechToText, beckett: np.ndarray) -> None:
    """An engine without times of its own: each sentence gets its own, and the number of them is `min_silence_s`'s."""
    text = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."
    engine(scripted).says = lambda samples: [Segment(0, len(samples) / RATE, text)]
    asked, _ = run(scripted, beckett)
    assert [segment["text"] for segment in asked.segments] == [f"{part}." for part in text[:-1].split(". ")]
    assert [segment["id"] for segment in asked.segments] == list(range(6))
    assert [segment["start"] for segment in asked.segments] == pytest.approx([0.4, 1.9, 3.5, 4.9, 6.7, 8.2], abs=0.2)
    asked, _ = run(scripted, beckett, min_silence_s=3.0)
    assert [segment["text"] for segment in asked.segments] == [text]


def test_an_engine_that_fails_in_the_middle(scripted: SpeechToText, beckett: np.ndarray) -> None:
    """Text heard before is sent; the error is the engine's own."""

    def says(samples: np.ndarray) -> Iterable[Segment]:
        if len(engine(scripted).given) > 1:
            raise HushdError("worker_failed", "The engine tripped.")
        return [Segment(0, 1, "Yes.")]

    engine(scripted).says = says
    quiet = np.zeros(5 * RATE, np.float32)
    job, asked = make_job([s16le(np.concatenate([beckett, quiet, beckett]))[:60_000]] * 12, {"format": "s16le"})
    with pytest.raises(HushdError, match="tripped"):
        scripted.run(job)
    assert [segment["text"] for segment in asked.segments] == ["Yes."]


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the scripted engine read two pieces at once."""
    monkeypatch.setattr(Scripted, "parallel", 2)


@pytest.mark.parametrize("fails", [False, True])
def test_pieces_that_are_read_at_once_come_in_order(
    two_cores: None, scripted: SpeechToText, beckett: np.ndarray, fails: bool
) -> None:
    """The later one waits for the earlier one; if that fails, its error is the job's."""
    both, later = threading.Barrier(2, timeout=BOUND_S), threading.Event()

    def says(samples: np.ndarray) -> list[Segment]:
        both.wait()
        if len(samples) < 7 * RATE:
            later.set()
            return [Segment(0, 1, "Later.")]
        assert later.wait(BOUND_S)
        if fails:
            raise HushdError("worker_failed", "The engine tripped.")
        return [Segment(0, 1, "Earlier.")]

    engine(scripted).says = says
    speaker = Speaker(scripted, as_spoken=False)
    speaker.say(np.concatenate([beckett, np.zeros(5 * RATE, np.float32), beckett[: 6 * RATE]]), last=True)
    if fails:
        with pytest.raises(HushdError, match="tripped"):
            speaker.result()
    else:
        speaker.result()
    assert speaker.segments == ([] if fails else ["Earlier.", "Later."])


def test_pieces_are_read_one_by_one_where_memory_is_scarce(
    two_cores: None, scripted: SpeechToText, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at once take twice the memory, which the kernel would end the worker for; no less than one is read."""
    at_once = []
    for available in (10**12, 100_000_000, 10**12):
        monkeypatch.setattr(usage, "machine", lambda _, now=available: Limit(10**12, now))
        at_once.append(scripted._hearing.recogniser.at_once)
    assert at_once == [2, 1, 2]


@pytest.fixture
def minute(beckett: np.ndarray) -> np.ndarray:
    return np.tile(beckett, 6)


def places(asked: Asked) -> list[tuple[float, float]]:
    return [(segment["start"], segment["end"]) for segment in asked.segments]


@pytest.mark.parametrize("clips", [[10, 20], [0, 5, 30, 36], [38], [0, 4, 4.5, 8, 41]])
def test_clips_are_transcribed_and_nothing_else(scripted: SpeechToText, minute: np.ndarray, clips: list[float]) -> None:
    """Segments lie in the clips, with times of the whole recording, and none of the speech in them is missing."""
    bounds = [*clips, 1e9][: len(clips) + len(clips) % 2]
    parts = list(zip(bounds[::2], bounds[1::2], strict=True))
    asked, _ = run(scripted, minute, clips=clips)
    found = places(asked)
    assert all(any(begin <= start < end <= last + 0.001 for begin, last in parts) for start, end in found), found
    for begin, last in parts:
        alone, _ = run(scripted, minute[round(begin * RATE) : round(min(last, 1e5) * RATE)])
        there = [time - begin for place in found if begin <= place[0] < last for time in place]
        assert there == pytest.approx([time for place in places(alone) for time in place], abs=0.1)


def test_earlier_text_goes_along(scripted: SpeechToText, minute: np.ndarray) -> None:
    """Each piece's prompt ends with the words before by `condition_on_previous_text`; without, it is as given."""
    run(scripted, minute, prompt="Nagg.", decoder={"condition_on_previous_text": True})
    prompts = [options.prompt for _, options in engine(scripted).given]
    assert prompts[:3] == ["Nagg.", "Nagg. Yes.", "Nagg. Yes. Yes."]
