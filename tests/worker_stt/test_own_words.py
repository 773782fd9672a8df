"""A person's own words take the place of what sounds like them, in segments, their words with times, and drafts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hushd_protocol.errors import HushdError
from hushd_worker_stt.audio.level import normalise
from hushd_worker_stt.engine import RATE, Options, Segment, Word
from hushd_worker_stt.engines.moonshine import Moonshine
from hushd_worker_stt.live.listener import LiveListener
from hushd_worker_stt.own_words import MAX_OWN_WORDS, OwnWords, _english
from hushd_worker_stt.partials import Began, Unstable
from hushd_worker_stt.sounds_like import distance, sounds
from support.stt_jobs import Ask, chunked, s16le

NAMES = "Bhattacharya, Claude, Giancarlo Fisichella\nKubernetes  # runs containers\nkokoro, Qdrant, H100, Clearwater\n"
RESEMBLING = "Anneliese, Claude, eigenvalue, Grafana, Poisson, Pydantic, Redis, Terraform, Thibault, Traefik"
MISHEARD = "kubectl = cube control, kates\nClaude Code = cloud code"


def text_of(heard: str, own: str = NAMES, language: str = "en") -> str:
    return OwnWords(own).mended(Segment(0.0, 1.0, heard), language).text


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("Dr. Batacharia will see you.", "Dr. Bhattacharya will see you."),
        ("Bada Charya's book, and bata charias", "Bhattacharya's book, and Bhattacharya"),
        ("Our guest is Jean Carlo, fisikela", "Our guest is Jean Carlo, fisikela"),  # nothing goes over a comma
        ("Our guest is Jian Carlo Fisikella.", "Our guest is Giancarlo Fisichella."),
        ("We run cooper net ease here", "We run Kubernetes here"), ("KUBERNETIS (1.9)", "Kubernetes (1.9)"),
        ("It said “kakoro”.", "It said “kokoro”."), ("Kakoro speaks.", "Kokoro speaks."),
        ("clear water and a cloud over Clod", "Clearwater and a cloud over Claude"),
        ("claude", "Claude"), ("H100", "H100"), ("h100", "H100"), ("Harry 100", "Harry 100"), ("Q 7 rant", "Q 7 rant"),
        ("It is a grand cloud, and we could all sense it.", "It is a grand cloud, and we could all sense it."),
        ("Cloud is all that I see. Clouds, too.", "Cloud is all that I see. Clouds, too."), ("", ""), ("…", "…"),
    ],
)  # fmt: skip
def test_what_sounds_like_an_own_word_becomes_it(heard: str, written: str) -> None:
    """The signs around it stay; what the language has stays, and so do numbers."""
    assert text_of(heard) == written


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("The traffic is dense.", "The traffic is dense."), ("a poison", "a poison"), ("The road is long.",) * 2,
        ("to bald men", "to bald men"), ("We want to reform it.",) * 2,
        ("the Terraform files", "the Terraform files"), ("of the Teraform is", "of the Terraform is"),
        ("the terra form files", "the Terraform files"), ("Ann a lease is here", "Anneliese is here"),
    ],
)  # fmt: skip
def test_a_common_word_that_an_own_word_does_not_need_stays(heard: str, written: str) -> None:
    """It is heard beside the own word, or sounds like it alone."""
    assert text_of(heard, RESEMBLING) == written


@cache
def _resembling() -> list[str]:
    """Returns common words that sound like own words."""
    own = RESEMBLING.split(", ")
    common = sorted(_english() - set(own))
    return [word for word in common if any(distance(sounds(word), sounds(name), 1.0) <= 1.0 for name in own)]


@pytest.mark.parametrize(
    ("language", "little"),
    [
        ("en", "the a an to of is in on it at we he and"), ("de", "der die das zu ist in im es er an wir und"),
        ("fr", "le la les de est en un une il et à"), ("", "el la los de es en un que y uma os"),
    ],
)  # fmt: skip
def test_common_words_become_an_own_word_only_by_its_very_sounds(language: str, little: str) -> None:
    """Texts have words that sound like own words, and little ones between them."""
    rng = Random(73)
    for _ in range(100):
        said = " ".join(rng.choice(rng.choice((_resembling(), little.split()))) for _ in range(8))
        assert sounds(text_of(said, RESEMBLING, language)) == sounds(said), said


@pytest.mark.parametrize(
    ("heard", "less", "written"),
    [
        ("He takes met for men daily.", 3.0, "He takes metformin daily."),  # known: 6.5
        ("He takes met for men daily.", 7.0, "He takes met for men daily."),
        ("He takes met for men.", 3.0, "He takes metformin."), ("Met for men helps.", 3.0, "Metformin helps."),
        ("He takes medforman daily.", 13.0, "He takes metformin daily."),  # unknown: 16
        ("He takes medforman daily.", 17.0, "He takes medforman daily."),
        ("Is Clod there?", 13.0, "Is Claude there?"), ("Is a cloud there?", 4.0, "Is a Claude there?"),
        ("It is claude.", 99.0, "It is Claude."),  # by its letters
        ("We talked all day.", 0.0, "We talked all day."),  # like none
    ],
)  # fmt: skip
def test_an_engine_decides_by_how_likely_an_own_word_is(heard: str, less: float, written: str) -> None:
    """It may make the text so much less likely, less for words that the language has and for sounds that differ."""
    asked: list[str] = []

    def score(texts: Sequence[str]) -> list[float]:
        asked.extend(texts)
        return [0.0, *(-less for _ in texts[1:])]

    own = OwnWords("metformin, Claude")
    assert own.mended(Segment(0.0, 1.0, heard), "en", score).text == written
    assert len(asked) <= 7
    assert asked[:1] in ([], [heard])


def test_an_engine_that_cannot_decide_leaves_it_to_the_text() -> None:
    """It has no score, or another language, which it is not asked about."""
    own, segment = OwnWords(NAMES), Segment(0.0, 1.0, "We run cooper net ease here")
    assert own.mended(segment, "en", lambda texts: []).text == own.mended(segment, "en").text != segment.text
    assert own.mended(Segment(0.0, 1.0, "Wir fragen Klod"), "de", lambda texts: [0.0, 0.0]).text == "Wir fragen Claude"


@pytest.mark.parametrize(
    ("heard", "written"),
    [("Ask cube control and Kates!", "Ask kubectl and kubectl!"), ("I asked cloud code.", "I asked Claude Code.")],
)
def test_what_is_misheard_is_taken_to_the_letter(heard: str, written: str) -> None:
    """Even where the language has these words."""
    assert text_of(heard, MISHEARD) == written


def test_words_of_other_languages_are_left_alone() -> None:
    """Only English ones are known: of others a capital is needed, and a near sound."""
    assert text_of("Wir fragen Klod und die klode", language="de") == "Wir fragen Claude und die klode"
    assert text_of("Wir fragen Klod und die klode", language="") == "Wir fragen Claude und die klode"
    assert text_of("这是一个测试。", language="zh") == "这是一个测试。"


def test_an_own_word_has_the_time_of_what_was_heard() -> None:
    """Text and words agree, whatever the number of the words heard; the least probability is the word's."""
    heard = ("We", 0.9), (" run", 0.8), (" cooper", 0.4), (" net", 0.7), (" ease.", 0.5)
    words = tuple(Word(word, float(n), n + 1.0, p) for n, (word, p) in enumerate(heard))
    mended = OwnWords(NAMES).mended(Segment(0.0, 5.0, "We run cooper net ease.", words), "en")
    assert (mended.text, mended.start, mended.end) == ("We run Kubernetes.", 0.0, 5.0)
    assert mended.words == (*words[:2], Word(" Kubernetes.", 2.0, 5.0, 0.4))
    both = (Word(" jiancarlo", 1.0, 2.0), Word(" fisikella", 2.0, 4.0))
    first, last = OwnWords(NAMES).mended(Segment(0.0, 5.0, "jiancarlo fisikella", both), "en").words
    assert (first.text, last.text, first.start, first.end, last.end) == (
        " Giancarlo",
        " Fisichella",
        1.0,
        last.start,
        4,
    )


def test_what_is_stable_in_a_draft_stays() -> None:
    """A word is stable once no later one can make it a part of an own word, and the segment begins with it."""
    own, said = OwnWords(NAMES), "We said that they would all run cooper net ease here today and at home"
    heard = said.split()
    told = ""
    for count in range(1, len(heard) + 1):
        stable = " ".join(heard[: max(0, count - 1)])
        draft = own.in_event(Unstable(stable, " ".join(heard[:count])[len(stable) :]), "en")
        assert isinstance(draft, Unstable)
        assert draft.stable.startswith(told)
        told = draft.stable
    assert told.startswith("We said that they would all run Kubernetes")
    segment = own.in_event(Segment(0.0, 9.0, " ".join(heard)), "en")
    assert isinstance(segment, Segment)
    assert segment.text.startswith(told)
    assert own.in_event(Unstable("", "Kakoro"), "en") == Unstable("", "Kokoro")  # of the next utterance
    assert own.in_event(Began(1.0), "en") == Began(1.0)


def test_moonshine_tells_how_likely_a_text_is(beckett: np.ndarray) -> None:
    """The words of a recording are likelier than words that sound like them; any signs have tokens."""
    pytest.importorskip("onnxruntime")
    engine = Moonshine()
    engine.load("tiny-en", lambda note: None)
    scoring = engine.scoring("en")
    assert scoring
    samples = normalise(beckett[: 3 * RATE])
    (heard,) = engine.transcribe(samples, Options())
    said, *others = scoring(
        samples, [heard.text, "Ever tried. Ever sailed.", "Every tribe. Ever failed.", "Żółć 漢 tried."]
    )
    assert said > max(others) + 3


def test_a_list_has_a_bound() -> None:
    """Each word costs time with each word heard."""
    OwnWords("\n".join(f"name{n}" for n in range(MAX_OWN_WORDS)))
    with pytest.raises(HushdError, match=r"There are 501 own words, and 500 at most: leave some out\."):
        OwnWords("\n".join(f"name{n}" for n in range(MAX_OWN_WORDS + 1)))


def test_a_recording_and_live_speech_have_own_words(
    ask: Ask, beckett: Any, assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the request, or else the user's usual ones, of which a fault is a warning; none without a list."""
    monkeypatch.setattr(LiveListener.__init__, "__defaults__", (lambda: 0.0,))  # a busy machine passes drafts over
    recording = assets / "beckett.wav"
    plain = ask(recording)
    assert "ever tried" in plain.text.lower()
    usual = {"usual_words": "Estragon = ever tried"}
    assert "Estragon" in ask(recording, usual).text
    live = ask(chunked(s16le(beckett[:40_000]), 3200), {"live": True, **usual})
    assert "Estragon" in live.text
    assert any("Estragon" in stable + text for stable, text in live.unstable)
    assert "Pozzo" in ask(recording, {"own_words": "Pozzo = ever tried", **usual}).text
    assert ask(recording, {"own_words": "", **usual}).text == plain.text
    asked = ask(recording, {"list_fault": "It is no text."})
    assert asked.text == plain.text
    assert asked.result["warnings"] == [{"code": "own_words", "message": "It is no text."}]
    many = ",".join(f"n{n}" for n in range(600))
    (warned,) = ask(recording, {"usual_words": many}).result["warnings"]
    assert warned == {
        "code": "own_words", "message": "words.txt: There are 600 own words, and 500 at most: leave some out."
    }  # fmt: skip
    refused = ask(recording, {"own_words": many}).error
    assert refused is not None
    assert refused.code == "bad_request"
