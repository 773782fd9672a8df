"""Another language through a model that does not know it: its readings of the same speech do not agree."""

from __future__ import annotations

from pathlib import Path

import moonshine_voice
import numpy as np
import pytest
import soundfile
import soxr
from hushd_protocol.messages import Partial
from hushd_worker_stt.engine import Segment
from hushd_worker_stt.engines.moonshine_rating import Rating
from hushd_worker_stt.plausibility import _LEAST_SURE, Plausibility, differences, invented, long_enough
from support.stt_jobs import Ask, s16le
from support.wer import FIRST_HALF, word_error_rate

RATE = 16_000
SAID = "one two three four five six seven eight nine ten"
SPEECH = np.random.default_rng(1).standard_normal(10 * RATE).astype(np.float32)
OTHERS = ["k l m n o p q r s t".replace(letter, "z") for letter in "klmn"]


class Readings:
    """Reads what it is given to read, in order."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.seconds: list[float] = []

    def __call__(self, samples: np.ndarray) -> str:
        self.seconds.append(len(samples) / RATE)
        return self.texts.pop(0)


@pytest.mark.parametrize(
    ("words", "others", "whole", "part"),
    [
        ("a b c", "a b c", 0, 0), ("b c", "a b c d", 2, 0), ("", "a b", 2, 0), ("a x c", "z a b c", 2, 1),
        ("a", "", 1, 1),
    ],
)  # fmt: skip
def test_differences(words: str, others: str, whole: int, part: int) -> None:
    """Edits between two texts, and between one and the part of the other that is nearest to it."""
    assert differences(words.split(), others.split()) == whole
    assert differences(words.split(), others.split(), anywhere=True) == part


@pytest.mark.parametrize(
    ("text", "words", "language", "alone", "is_so"),
    [
        ("Many people do not think about them as dinosaurs.", -0.56, None, True, False),
        ("Thank you for watching and I hope you enjoyed it.", -0.91, None, True, True),
        ("In person only.", -2.0, None, True, False), ("Thank you for watching!", -0.91, None, True, False),
        ("I hope you enjoyed it so.", -1.4, None, True, True), ("I hope you enjoyed it.", None, None, True, False),
        ("Thank you very very much.", -0.3, 0.006, False, True),
        ("Thank you very very much.", -2.0, 0.48, False, False),
        ("Thank you very very much.", -2.0, None, False, False), ("No, thanks.", -2.0, 0.0, False, False),
    ],
)  # fmt: skip
def test_what_the_model_itself_knows(
    text: str, words: float | None, language: float | None, alone: bool, is_so: bool
) -> None:
    """Improbable words are invented by a model of one language, fewer words only if less probable; by one of several,
    words in a language that it does not hear; too few words by neither."""
    first, *rest = [
        Segment(0, 1, part, log_probability=words, language_probability=language) for part in (text[:9], text[9:])
    ]
    assert invented([first, *rest], SPEECH, alone=alone) is is_so
    assert not invented([first, *rest], SPEECH[: 2 * RATE], alone=alone)


def test_agreement_costs_one_look() -> None:
    """A beginning that is read alike is enough: 2.6 s at most are read again, and nothing of the next five pieces in
    the same voice."""
    read = Readings("one two three four", "one two three four")
    plausibility = Plausibility(read)
    assert not plausibility.unlikely(SPEECH, SAID)
    for _ in range(5):
        assert not plausibility.unlikely(SPEECH, "something else altogether that nobody looks at")
    assert read.seconds == [pytest.approx(2.1 / 1.06, abs=0.5)]
    assert not plausibility.unlikely(SPEECH, SAID)
    assert len(read.seconds) == 2


def test_a_doubt_is_looked_into() -> None:
    """A beginning that is read otherwise, twice, is not a verdict: the whole is read once more, alike."""
    read = Readings("one too tree four", "one too tree four five", SAID, SAID)
    assert not Plausibility(read).unlikely(SPEECH, SAID)
    assert read.seconds[1] == pytest.approx(4.25 / 1.06, abs=0.8)
    assert read.seconds[2:] == pytest.approx([10.35, 9.43], abs=0.01)


def test_readings_that_never_agree() -> None:
    """Readings of a piece, each another text, make the text unlikely, two if no others could outweigh them; the next
    piece is judged by itself."""
    plausibility = Plausibility(Readings("a b c d", "a b c d e", *OTHERS[:2], "one two three four"))
    assert plausibility.unlikely(SPEECH, SAID)
    assert not plausibility.unlikely(SPEECH, SAID)


@pytest.mark.parametrize(("words", "seconds", "enough"), [(5, 2.4, True), (4, 9.0, False), (9, 2.3, False)])
def test_little_is_not_judged(words: int, seconds: float, enough: bool) -> None:
    """A few words, or less than two seconds of speech with the quiet around them, are believed without a reading:
    "Commit and push" was doubted, and had been heard to the word."""
    sound, text = SPEECH[: round(seconds * RATE)], " ".join(SAID.split()[:words])
    assert long_enough(text, sound) is enough
    readings = Readings(*["", ""] * enough, *OTHERS * enough)
    assert Plausibility(readings, lambda: lambda samples: -9.0).unlikely(sound, text) is enough


@pytest.mark.parametrize(("text", "readings", "doubtful"), [
    ("Yes, please.", ("Yes please!", "Yes, please."), False),
    ("Fale better.", ("Fail better.", "Fail better."), True),
    ("We'll see you.", ("Wish I knew.", "He'll be two."), True),
    (SAID, (), False),
    ("", (), False),
])  # fmt: skip
def test_a_few_words_that_are_read_otherwise_are_for_another_model(
    text: str, readings: tuple[str, str], doubtful: bool
) -> None:
    """Two readings that are unlike the text; one that is long enough is judged instead."""
    read = Readings(*readings)
    assert Plausibility(read).doubtful(SPEECH, text) is doubtful
    assert not read.texts
    assert [round(seconds, 1) for seconds in read.seconds] == [9.4, 10.6] * bool(readings)  # half a tone up and down


def test_a_few_words_that_are_cut_off_at_full_scale_are_for_nobody() -> None:
    """They are read differently each time, by any model."""
    assert not Plausibility(Readings()).doubtful(np.clip(SPEECH * 10, -1, 1), "Fale better.")


@pytest.mark.parametrize(("figure", "unlikely"), [(-0.3, False), (-0.5, True)])
def test_in_doubt_the_model_must_be_unsure(figure: float, unlikely: bool) -> None:
    """There is doubt where little more than a third of the words differs; where most do, being sure does not count."""
    little = [f"{SAID[:-12]} a b c d".replace("one", f"x{number}") for number in range(4)]
    for others, expected in ((little, unlikely), (OTHERS, True)):
        plausibility = Plausibility(Readings("x", "x", *others), lambda: lambda samples: figure)
        assert plausibility.unlikely(SPEECH, SAID) is expected


def test_moonshine_rates_its_words(beckett: np.ndarray) -> None:
    """Words of a person are probable to the model, and those that it invents for them played backwards are not."""
    rate = Rating(Path(moonshine_voice.__file__).parent / "assets" / "tiny-en")
    for start, end in ((0.2, 1.3), (3.5, 4.3), (5.0, 6.4)):
        said = beckett[round(start * RATE) : round(end * RATE)]
        assert rate(said) > -0.3 > _LEAST_SURE > rate(said[::-1])
        assert type(rate(said)) is float  # what is sent takes no figure of numpy's
    assert rate(beckett[: 12 * RATE]) > -0.3  # a few words may take long


@pytest.mark.parametrize("reverse", [False, True])
def test_a_second_is_believed(ask: Ask, beckett: np.ndarray, reverse: bool) -> None:
    """Of a person, and of one played backwards, which another model may hear: it tells too little for a mark."""
    second = beckett[5 * RATE : round(6.4 * RATE)][::-1] if reverse else beckett[: round(1.3 * RATE)]
    asked = ask(s16le(second), {"format": "s16le"})
    assert (0 < len(asked.text.split()) < 6, warned(asked)) == (True, [])
    (judged,) = [m.data for m in asked.messages if isinstance(m, Partial) and m.data["kind"] == "judged"]
    assert not judged["unlikely"]
    assert judged["doubtful"] or not reverse


def warned(asked: object) -> list[str]:
    return [warning["code"] for warning in asked.result.get("warnings", ())]  # type: ignore[attr-defined]


@pytest.mark.parametrize("live", [{}, {"live": True, "continuous": True}])
def test_no_language_at_all(ask: Ask, beckett: np.ndarray, live: dict[str, bool]) -> None:
    """Speech played backwards is in no language: the text comes with a warning that says what to do. Whoever names a
    language that the model knows is believed."""
    sound = s16le(np.concatenate((beckett[: 5 * RATE][::-1], np.zeros(2 * RATE, np.float32))))
    asked, named = (ask(sound, {"format": "s16le", **live, **language}) for language in ({}, {"language": "en"}))
    assert asked.text == named.text != ""
    assert (warned(asked), warned(named)) == (["unlikely_text"], [])
    assert not any(each.get("unlikely") or each.get("unjudged") for each in named.segments)
    assert "knows English only" in asked.result["warnings"][0]["message"]
    assert "hushd get LANGUAGE" in asked.result["warnings"][0]["message"]


def test_a_part_in_no_language(ask: Ask, assets: Path) -> None:
    """English, then speech played backwards in another voice: the warning and the result say where it is, its segments
    are marked, and those before and after are not."""
    samples, rate = soundfile.read(assets / "two_cities.wav", dtype="float32")
    reader = soxr.resample(samples, rate, RATE)
    room = np.zeros(5 * RATE // 2, np.float32)
    strange = np.convolve(reader[20 * RATE : 25 * RATE][::-1], np.ones(6, np.float32) / 6, "same").astype(np.float32)
    sound = np.concatenate((reader[: 6 * RATE], room, strange, room, reader[6 * RATE : 9 * RATE]))
    asked = ask(s16le(sound), {"format": "s16le"})
    assert warned(asked) == ["unlikely_text"]
    (stretch,) = asked.result["unlikely"]
    assert 7 < stretch["start"] < 11
    assert 11 < stretch["end"] < 15
    assert f"from {stretch['start']:.0f} s to {stretch['end']:.0f} s" in asked.result["warnings"][0]["message"]
    for segment in asked.segments:
        assert segment.get("unlikely", False) is (stretch["start"] <= segment["start"] < stretch["end"])


@pytest.mark.parametrize("named", [{}, {"language": "en"}])
def test_clipped_english_is_told_so(ask: Ask, assets: Path, named: dict[str, str]) -> None:
    """Recorded 20 dB too loud: it is understood, and the warning is about the level, not about a language."""
    samples, rate = soundfile.read(assets / "two_cities.wav", dtype="float32")
    reader = soxr.resample(samples[: 6 * rate], rate, RATE)
    asked = ask(s16le(np.clip(reader / np.abs(reader).max() * 10, -1, 1)), {"format": "s16le", **named})
    assert warned(asked) == ["clipped"]
    assert word_error_rate(" ".join(FIRST_HALF.split()[:12]), " ".join(asked.text.split()[:12])) <= 2 / 12


@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_english_is_english(ask: Ask, beckett: np.ndarray, gain: float) -> None:
    """A person in the model's language is not a cause of a warning, 20 dB quieter neither."""
    assert warned(ask(s16le(beckett[: 6 * RATE] * np.float32(gain)), {"format": "s16le"})) == []


def test_silence_is_no_success(ask: Ask) -> None:
    """Nothing but quiet or noise: an empty text has a warning; the end of a recording that is resumed has none."""
    hiss = (np.random.default_rng(3).standard_normal(5 * RATE) * 0.01).astype(np.float32)
    for samples in (np.zeros(5 * RATE, np.float32), hiss):
        asked = ask(s16le(samples), {"format": "s16le"})
        assert asked.segments == []
        assert warned(asked) == ["no_speech"]
        assert warned(ask(s16le(samples), {"format": "s16le", "start_s": 2.0})) == []
