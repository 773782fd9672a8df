"""Another language through a model that does not know it: its readings of the same speech do not agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import moonshine_voice
import numpy as np
import pytest
import soundfile
import soxr
from hushd_worker_stt.engine import Segment
from hushd_worker_stt.engines.moonshine_rating import Rating
from hushd_worker_stt.plausibility import _LEAST_SURE, _SURE, Plausibility, differences, invented
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
        ("Thank you for watching!", -1.4, None, True, True), ("I hope you enjoyed it.", None, None, True, False),
        ("Thank you very much.", -0.3, 0.006, False, True), ("Thank you very much.", -2.0, 0.48, False, False),
        ("Thank you very much.", -2.0, None, False, False), ("No, thanks.", -2.0, 0.0, False, False),
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
    assert invented([first, *rest], alone=alone) is is_so


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


@pytest.mark.parametrize(("text", "readings", "doubted", "doubtful"), [
    ("Yes, please.", ("Yes please!", "Yes, please."), False, False),
    ("Fale better.", ("Fail better.", "Fail better."), False, True),
    ("We got loose.", ("We go to us.", "We got loose."), False, True),
    ("We'll see you.", ("Wish I knew.", "He'll be two."), True, False),
    ("Sim, obrigado.", ("Seem a breeze.", "See more of God."), True, False),
    ("Seeing of Ricardo.", ("Seeing of Ricardo.", "Seeing of Ricardo."), False, False),
])  # fmt: skip
def test_a_few_words_are_doubted_by_their_letters(
    text: str, readings: tuple[str, str], doubted: bool, doubtful: bool
) -> None:
    """Two readings that are unlike the text; like ones prove nothing, so the next piece of that voice is judged. Those
    that are nearly alike are left to a model of several languages."""
    read = Readings(*readings, *readings)
    plausibility = Plausibility(read)
    assert [plausibility.unlikely(SPEECH, text) for _ in range(2)] == [doubted, doubted]
    assert plausibility.doubtful == doubtful
    assert not read.texts


@pytest.mark.parametrize(("figure", "verdict"), [(-0.1, (False, False)), (-0.35, (False, True)), (-0.5, (True, False))])
def test_a_few_words_are_judged_by_how_sure_the_model_is(figure: float, verdict: tuple[bool, bool]) -> None:
    """Nothing is read again, and what rates them is made once: sure, for another model, unlikely."""
    made: list[int] = []

    def rating() -> Callable[[np.ndarray], float]:
        made.append(1)
        return lambda samples: figure

    plausibility = Plausibility(Readings(), rating)
    assert [(plausibility.unlikely(SPEECH, "Yes, please."), plausibility.doubtful) for _ in range(2)] == [verdict] * 2
    assert len(made) == 1


@pytest.mark.parametrize(
    ("before", "figure", "verdict"),
    [
        (["x", SAID[:-8]], -0.85, (False, True)), (["x", SAID[:-8]], -1.2, (True, False)),
        (["x", "x", *OTHERS], -0.48, (True, False)),
    ],
)  # fmt: skip
def test_a_few_words_after_more(before: list[str], figure: float, verdict: tuple[bool, bool]) -> None:
    """Words of which the model is a little unsure, after speech in the known language in another voice, are for another
    model, as "Bare again" for "Fail again" after "Ever tried, ever failed"; after another language they are marked."""
    plausibility = Plausibility(Readings(*before), lambda: lambda samples: figure)
    plausibility.unlikely(SPEECH, SAID)
    assert (plausibility.unlikely(np.diff(SPEECH), "Fail again."), plausibility.doubtful) == verdict


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
        assert rate(said) > _SURE > _LEAST_SURE > rate(said[::-1])
        assert type(rate(said)) is float  # what is sent takes no figure of numpy's
    assert rate(beckett[: 12 * RATE]) > _SURE  # a few words may take long


def test_too_short_is_said(ask: Ask, beckett: np.ndarray) -> None:
    """A second of a person is believed; of one played backwards, the warning says that it is too short."""
    second = beckett[: round(1.3 * RATE)]
    english = ask(s16le(second), {"format": "s16le"})
    assert (0 < len(english.text.split()) < 6, warned(english)) == (True, [])
    backwards = ask(s16le(beckett[5 * RATE : round(6.4 * RATE)][::-1]), {"format": "s16le"})
    assert warned(backwards) == ["unlikely_text"]
    assert "too short to tell its language" in backwards.result["warnings"][0]["message"]


def warned(asked: object) -> list[str]:
    return [warning["code"] for warning in asked.result.get("warnings", ())]  # type: ignore[attr-defined]


@pytest.mark.parametrize("named", [{}, {"language": "en"}])
def test_no_language_at_all(ask: Ask, beckett: np.ndarray, named: dict[str, str]) -> None:
    """Speech played backwards is in no language: the text comes with a warning that says what to do, to a request that
    names a language, too."""
    asked = ask(s16le(beckett[: 5 * RATE][::-1]), {"format": "s16le", **named})
    assert asked.text
    assert warned(asked) == ["unlikely_text"]
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


def test_clipped_english_is_told_so(ask: Ask, assets: Path) -> None:
    """Recorded 20 dB too loud: it is understood, and the warning is about the level, not about a language."""
    samples, rate = soundfile.read(assets / "two_cities.wav", dtype="float32")
    reader = soxr.resample(samples[: 6 * rate], rate, RATE)
    asked = ask(s16le(np.clip(reader / np.abs(reader).max() * 10, -1, 1)), {"format": "s16le"})
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
