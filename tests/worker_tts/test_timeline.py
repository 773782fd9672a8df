"""Word times: every word in its place, in order, and near the truth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hushd_protocol.messages import Chunk, Message, Partial
from hushd_protocol.messages import Job as JobMessage
from hushd_reading.items import MappedText
from hushd_worker.job import Job
from hushd_worker_tts.engine import AudioChunk
from hushd_worker_tts.engines.hibari_internals.reading import aligned
from hushd_worker_tts.speaking import sentence
from hushd_worker_tts.worker import Worker

TEXT = (
    "On 2024-03-15 we paid $3.50 at https://www.example.com/shop, didn't we? [[slnc 700]] Yes! "
    "\U0001f600 Dr. Smith \u2013 who is 42 \u2013 bought 5 kg of rice, and then, because it rained all day long and "
    "nobody had an umbrella with them, they all stayed in the shop until the evening came and the rain was over."
)


def spoken(worker: Worker, text: str, **params: Any) -> tuple[list[Message], dict[str, Any]]:
    """Chunks and partials of a job in their order, and its result."""
    messages: list[Message] = []
    message = JobMessage(id=bytes(16), op="synthesize", params=params, payload=text.encode(), credit=10**6)
    return messages, worker.run(Job(message, messages.append))


@pytest.mark.parametrize("engine", ["tiny", "hibari"])
@pytest.mark.parametrize("params", [{}, {"speed": 1.7}, {"sample_rate": 16000, "channels": 2, "format": "wav"}])
def test_the_timeline_is_in_order_and_covers_the_text(
    request: pytest.FixtureRequest, engine: str, params: dict[str, Any]
) -> None:
    """Sentences follow each other without overlap and end with the audio; words lie within theirs, begin in order,
    and point at the very words of the text, each once."""
    messages, result = spoken(request.getfixturevalue(engine), TEXT, timeline=True, **params)
    sentences = [message.data for message in messages if isinstance(message, Partial)]
    at, heard = 0.0, []
    for data in sentences:
        assert data["kind"] == "sentence"
        assert data["estimated"] == (engine == "tiny")  # which reports no times
        assert at <= data["start"] < data["end"]
        at = data["end"]
        times = [time for word in data["words"] for time in (word["start"], word["end"])]
        assert times == sorted(times)
        assert data["start"] <= times[0] <= times[-1] <= data["end"]
        assert data["text_start"] <= data["words"][0]["text_start"]
        assert data["words"][-1]["text_end"] <= data["text_end"]
        heard += [TEXT[word["text_start"] : word["text_end"]] for word in data["words"]]
    assert at == pytest.approx(result["duration"], abs=0.002)
    assert sentences[1]["start"] - sentences[0]["end"] == pytest.approx(0.7, abs=0.002)
    written = [word for word in re.sub(r"\[\[.*?\]\]", "", TEXT).split() if re.search(r"\w", word)]
    assert [word.strip(".,?!") for word in heard] == [word.strip(".,?!") for word in written]


def test_a_sentence_is_announced_before_its_audio_and_only_when_asked(tiny: Worker) -> None:
    """Partial, audio, partial, audio; without `timeline` there is nothing but audio."""
    messages, _ = spoken(tiny, "One here. Two here.", timeline=True)
    assert [type(message) for message in messages] == [Partial, Chunk, Partial, Chunk]
    for params in ({}, {"timeline": False}, {"timeline": None}):
        messages, _ = spoken(tiny, "One here. Two here.", **params)
        assert [type(message) for message in messages] == [Chunk, Chunk]


def test_words_of_hibari_begin_where_their_sound_does(hibari: Worker) -> None:
    """Words that begin behind a moment of silence: their times are within 80 ms of the sound."""
    text = "Paper, ticket, garden, doctor, cabbage, bottle."
    messages, _ = spoken(hibari, text, timeline=True, speed=0.8)
    (partial,) = [message.data for message in messages if isinstance(message, Partial)]
    raw = b"".join(message.payload for message in messages if isinstance(message, Chunk))
    samples = np.frombuffer(raw, "<i2").astype(np.float32)
    frame = 240
    level = np.sqrt(np.mean(samples[: len(samples) // frame * frame].reshape(-1, frame) ** 2, axis=1))
    loud = level > 0.05 * level.max()
    onsets = [i / 100 for i in range(6, len(loud)) if loud[i] and not loud[i - 6 : i].any()]
    starts = [word["start"] for word in partial["words"]]
    assert len(starts) == 6
    for start in starts:
        assert min(abs(onset - start) for onset in onsets) < 0.08, f"{start} of {onsets}"


def test_times_are_shared_out_by_length_where_the_engine_knows_none() -> None:
    """A long word takes long, between marks and without any; silence at either end belongs to no word."""
    hum = np.concatenate([np.zeros(1000), np.ones(8000), np.zeros(1000)]).astype(np.float32)
    text = MappedText.original("to understanding to")
    words = sentence(text, AudioChunk(hum, 1000), 5.0).words
    assert (words[0].start, words[-1].end) == (6.0, 14.0)
    assert words[1].end - words[1].start > 4 * (words[0].end - words[0].start)
    marked = sentence(text, AudioChunk(hum, 1000, ((0, 1.0), (3, 2.0), (17, 8.0))), 5.0).words
    assert [word.start for word in marked] == [6.0, 7.0, 13.0]


@pytest.mark.parametrize(("text", "said", "places"), [
    ("a b c", ["a", "b", "c"], [0, 2, 4]),
    ("“Hello,” he said.", ["Hello", "he", "said."], [0, 9, 12]),
    ("on 3/15 we", ["on", "March", "fifteenth", "we"], [0, 3, None, 8]),
    ("pay $3 M now", ["pay", "3", "million", "dollars", "now"], [0, 4, 7, None, 9]),
    ("at 20 € a day", ["at", "€20", "a", "day"], [0, 3, 8, 10]),
    ("a \u2013 b", ["a", "b"], [0, 4]), ("", ["x"], [None]), ("x y", [], []),
])  # fmt: skip
def test_rewritten_words_find_the_words_they_come_from(text: str, said: list[str], places: list[int | None]) -> None:
    """Unchanged words match; a word that became several begins where the first of them does."""
    assert aligned(text, said) == places


def test_a_model_that_does_not_tell_times_speaks_all_the_same(
    hibari: Worker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Words share the time without the marks of the model; the audio is the very same."""
    from hushd_worker_tts.engines.hibari_internals import session

    other = Worker("hibari", "default")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "nothing was prepared"))
    monkeypatch.setattr(session.prepared, "make_beside", lambda *_: None)
    monkeypatch.setattr(session, "ENDS", b"/NoSuchOutput")
    other.load(lambda note: None)
    text = "One two three four."
    told, untold = spoken(hibari, text, timeline=True)[0], spoken(other, text, timeline=True)[0]
    assert [m.payload for m in told if isinstance(m, Chunk)] == [m.payload for m in untold if isinstance(m, Chunk)]
    (told_words,), (untold_words,) = (
        [m.data["words"] for m in messages if isinstance(m, Partial)] for messages in (told, untold)
    )
    assert len(told_words) == len(untold_words) == 4
    assert told_words != untold_words
