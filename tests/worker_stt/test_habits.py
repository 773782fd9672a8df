"""Words of music and noise: left out where the voice detector was unsure, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hushd_worker_stt.engine import RATE, Segment
from hushd_worker_stt.wording import MOONSHINE, SHORT_S, SURE_SPEECH, UNSURE, WHISPER, heard
from support.sounds import song
from support.stt_jobs import Ask
from support.wer import word_error_rate


def left(certainty: float, seconds: float, *texts: str, habits: frozenset[str] = MOONSHINE) -> list[str]:
    segments = [Segment(float(number), number + 1.0, text) for number, text in enumerate(texts)]
    return [segment.text for segment in heard(segments, certainty, seconds, habits)]


@pytest.mark.parametrize("text", ["You", "Thank you for watching!", " thank you. Thank you.", "♪", "Mm-hmm,"])
def test_a_habit_counts_where_somebody_surely_speaks(text: str) -> None:
    """It is left out below that, however it is written and however often; beside other words it stays."""
    assert left(SURE_SPEECH, 1.0, text) == [text]
    assert left(SURE_SPEECH - 0.01, 1.0, text) == []
    assert left(SURE_SPEECH - 0.01, 1.0, text, "Open the door.") == [text, "Open the door."]


@pytest.mark.parametrize("text", ["Open it", "Open the door and go", "2-3ตวบนลาง วดโอ"])
def test_no_word_counts_where_the_detector_was_unsure(text: str) -> None:
    """Whatever the text is; over a second the detector may be less sure, and over much sound few words do not count."""
    assert left(UNSURE - 0.01, 3.0, text) == []
    assert left(UNSURE, SHORT_S, text) == [text]
    assert left(SURE_SPEECH - 0.01, SHORT_S - 0.01, text) == []
    assert left(SURE_SPEECH, 0.2, text) == [text]
    assert left(UNSURE, 30.0, text) == []
    assert left(SURE_SPEECH, 30.0, text) == [text]


def test_each_engine_has_its_own_habits() -> None:
    """A text that subtitles taught Whisper is one like any other for another engine."""
    text = "Untertitel der Amara.org-Community"
    assert left(UNSURE, 2.0, text, habits=WHISPER) == []
    assert left(UNSURE, 2.0, text) == [text]


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("seed", [0, 3, 5, 7])
def test_music_is_silence(ask: Ask, seed: int, live: bool) -> None:
    """A song has no words, as a recording and at the microphone."""
    more = {"live": True, "continuous": True} if live else {}
    asked = ask(song(seed)[: 8 * RATE].tobytes(), {"format": "s16le", "rate": RATE, "channels": 1, **more})
    assert asked.error is None
    assert asked.segments == []


@pytest.mark.parametrize("live", [False, True])
def test_words_beside_music_are_heard(ask: Ask, beckett: np.ndarray, live: bool) -> None:
    """Those of a person over a song, 15 dB below them, all of them."""
    said = beckett[: int(5.8 * RATE)]
    mixed = np.clip(said * 3 + song(5)[: len(said)] / 32768 * 0.05, -1, 1)
    more = {"live": True, "continuous": True, "language": "en"} if live else {"language": "en"}
    sound = (mixed * 32767).astype("<i2").tobytes()
    asked = ask(sound, {"format": "s16le", "rate": RATE, "channels": 1, **more})
    text = " ".join(segment["text"] for segment in asked.segments)
    assert word_error_rate("Ever tried. Ever failed. No matter. Try again.", text) <= 1 / 8
