"""The stable and the unstable words of an utterance that is transcribed again and again."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hushd_worker_stt.live.drafted import Agreement
from support.seeds import seeds


def after(*passes: str) -> tuple[str, str]:
    """The stable text and the rest after these passes."""
    agreement = Agreement()
    for text in passes:
        agreement.update(text)
    return agreement.stable, agreement.text


@pytest.mark.parametrize(("passes", "stable", "text"), [
    ((), "", ""),
    (("",), "", ""),
    (("Ever",), "", "Ever"),
    (("Ever", "Ever tried."), "Ever", " tried."),
    (("Ever try", "Ever tried.", "Ever tried. Ever"), "Ever tried.", " Ever"),
    (("Every", "Ever tried", "Ever tried"), "Ever tried", ""),
    # A comma that becomes a full stop is the same word, as it was when it was agreed on.
    (("No matter", "no matter.", "No matter, try"), "no matter.", " try"),
    # The model changes its mind about what is stable already: that stays, and nothing is said twice.
    (("I am here", "I am here", "I'm here and", "I'm here and there"), "I am here and", " there"),
    (("one two", "one two", "one two three", "two three", "one two three"), "one two three", ""),
    (("I am here", "I am here", "Ah me Zed"), "I am here", ""),
    # A pass that hears nothing takes back what was not stable.
    (("Ever tried", "Ever fails", ""), "Ever", ""),
    (("你好", "你好吗"), "你好", "吗"),
    (("สวัสดี", "สวัสดี ครับ"), "สวัสดี", " ครับ"),
    (("  Ever  tried ", "Ever\ntried"), "Ever\ntried", ""),
    (("– so", "– so it"), "– so", " it"),
])  # fmt: skip
def test_two_passes_agree(passes: tuple[str, ...], stable: str, text: str) -> None:
    """The common beginning of two passes in a row is stable, the rest is the last one's."""
    assert after(*passes) == (stable, text)


@pytest.mark.parametrize(("final", "stable", "text"), [
    ("", "one two three", " four"),
    ("One, two.", "three", " four"),
    ("one too", "three", " four"),  # the final pass hears another word
    ("one", "two three", " four"),
    ("one two three", "", "four"),
    ("one two three four", "", ""),
    ("one two three four five", "", ""),  # more than any pass had
])  # fmt: skip
def test_the_beginning_becomes_final(final: str, stable: str, text: str) -> None:
    """The words that it stands for are forgotten; those behind stay stable, or not."""
    agreement = Agreement()
    for heard in ("one two three", "one two three four"):
        agreement.update(heard)
    agreement.finish(final)
    assert (agreement.stable, agreement.text) == (stable, text)


PASSES = [" ".join(words) for count in range(4) for words in product("ab", repeat=count)]


def test_every_three_passes_of_three_words() -> None:
    """Stable text only grows; new words of it were in both passes; together they are the pass, if it has not varied."""
    for first, second, third in product(PASSES, repeat=3):
        agreement = Agreement()
        known, previous = "", ""
        for text in (first, second, third):
            agreement.update(text)
            stable = agreement.stable
            assert stable.startswith(known)
            new = stable[len(known) :].split()
            for word in new:
                assert word in previous.split()
                assert word in text.split()
            if text.split()[: len(known.split())] == known.split():
                assert stable + agreement.text == text
            known, previous = stable, text


@seeds(20)
def test_a_growing_text_with_a_doubtful_end(seed: int) -> None:
    """Passes that are right but for their last word end in the right text, and at most two words are unstable."""
    rng = random.Random(seed)
    said = [rng.choice(["ever", "tried", "failed", "no", "matter", "again"]) for _ in range(40)]
    agreement = Agreement()
    for count in range(1, 41):
        agreement.update(" ".join([*said[: count - 1], rng.choice(["uh", said[count - 1]])]))
        assert len(agreement.text.split()) <= 2
        assert agreement.stable.split() == said[: len(agreement.stable.split())]
    agreement.update(" ".join(said))
    assert (agreement.stable + agreement.text).split() == said
