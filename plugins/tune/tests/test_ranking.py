"""The order of models: errors decide, chance is named, equal is equal, and too little says nothing."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hushd_tune.ranking import BEST, CHANCE, EQUAL, MIN_SENTENCES, WORSE, Heard, chosen, ranked
from support.seeds import seeds


def heard(model: str, *errors: int, speed: float = 10.0, memory_mb: float = 300.0) -> Heard:
    return Heard(model, errors, speed, 0.3, memory_mb)


def verdicts(words: list[int], *models: Heard) -> dict[str, str]:
    return {place.heard.model: place.verdict for place in ranked(words, models)}


def test_clear_differences_are_named() -> None:
    """A model that is worse in each sentence is worse, and one that is so in a single one may be by chance."""
    words = [10] * 12
    found = verdicts(words, heard("bad/a", *[3] * 12), heard("good/a", *[1] * 12), heard("near/a", 2, *[1] * 11))
    assert found == {"good/a": BEST, "near/a": CHANCE, "bad/a": WORSE}


def test_equal_models_are_called_equal() -> None:
    """The same errors in each sentence: the one that takes less memory is first, then the faster one."""
    places = ranked(
        [5] * 8,
        [
            heard("a/large", *[1] * 8, memory_mb=900),
            heard("b/slow", *[1] * 8, speed=2),
            heard("c/fast", *[1] * 8, speed=9),
        ],
    )
    assert [(place.heard.model, place.verdict) for place in places] == [
        ("c/fast", BEST),
        ("b/slow", EQUAL),
        ("a/large", EQUAL),
    ]


@pytest.mark.parametrize("sentences", range(1, MIN_SENTENCES))
def test_too_few_sentences_decide_nothing(sentences: int) -> None:
    """However clear a difference seems: there is no verdict, and nothing is chosen."""
    words, models = [9] * sentences, [heard("a/a", *[0] * sentences), heard("b/b", *[9] * sentences)]
    assert [place.verdict for place in ranked(words, models)] == ["", ""]
    assert chosen(words, models, "b/b") is None


def test_no_error_is_not_certainty() -> None:
    """Nothing wrong in 60 words leaves up to 5 % possible."""
    (place,) = ranked([10] * 6, [heard("a/a", *[0] * 6)])
    assert (place.rate, place.low, place.high) == (0, 0, 3 / 60)


def test_the_choice_keeps_up_with_speech_and_changes_nothing_for_chance() -> None:
    """The best model slower than speech is passed over; the present model stays unless another is surely better."""
    words = [10] * 12
    slow, good, near, bad = (
        heard("slow/a", *[0] * 12, speed=0.9), heard("good/a", *[1] * 12), heard("near/a", 2, *[1] * 11),
        heard("bad/a", *[5] * 12),
    )  # fmt: skip

    def choice(present: str, *models: Heard) -> str | None:
        place = chosen(words, models, present)
        return place.heard.model if place else None

    assert choice("bad/a", bad, near, good) == "good/a"
    assert choice("near/a", bad, near, good) == "near/a"
    assert choice("not/here", bad, near, good) == "good/a"
    assert choice("slow/a", bad, near, good, slow) == "good/a"
    assert choice("near/a", bad, near, good, slow) == "near/a"
    assert choice("slow/a", slow) is None


@seeds(40)
def test_any_models_are_ranked(seed: int) -> None:
    """Any errors give a ranking: the order is by rate, the interval holds the rate, one is best, the result is the same
    each time and in any order of the models, and the choice is never surely worse than another that keeps up."""
    rng = random.Random(seed)
    sentences = rng.randint(MIN_SENTENCES, 20)
    words = [rng.randint(1, 15) for _ in range(sentences)]
    models = [
        heard(
            f"engine/{number}",
            *(rng.choice((0, 0, 1, rng.randint(0, 20))) for _ in words),
            speed=rng.choice((0.5, 1.0, 20.0)),
            memory_mb=rng.choice((100, 200)),
        )
        for number in range(rng.randint(1, 5))
    ]
    places = ranked(words, models)
    rng.shuffle(models)
    assert ranked(words, models) == places
    assert all(left.rate <= right.rate for left, right in pairwise(places))
    assert all(place.low <= place.rate <= place.high for place in places)
    assert [place.verdict for place in places].count(BEST) == 1
    present = rng.choice(models).model
    choice = chosen(words, models, present)
    able = [place for place in places if place.heard.speed >= 1]
    assert (choice is None) == (not able)
    if choice:
        assert choice.heard.speed >= 1
        assert choice.heard == able[0].heard or choice.heard.model == present
        assert choice.verdict != WORSE
