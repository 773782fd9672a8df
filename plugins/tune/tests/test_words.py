"""Wrong words: what normalising forgives, what counts, and how it is shown."""

from __future__ import annotations

import sys

import pytest
from hushd_tune.words import compare, normaliser
from support.refusals import hushd_error

pytest.importorskip("jiwer", reason="what counts wrong words is an extra")
pytest.importorskip("whisper_normalizer", reason="what makes texts alike is an extra")


@pytest.mark.parametrize(("language", "sentence", "heard", "errors"), [
    ("en", "Mr. Smith's colour, don't you think?", "mister smith's color do not you think", 0),
    ("en", "It costs twenty dollars.", "It costs $20", 0),
    ("de", "Grüße an Müller!", "grüße an müller", 0),
    ("de", "Grüße an Müller!", "Gruße an Müller", 1),
    ("ja", "今日は。", "今日わ", 1), ("hi", "मुझे नहीं पता", "मुझे नहीं पता", 0), ("hi", "मुझे नहीं पता", "मुझे नहीं पती", 1),
    ("en", "a dog", "", 2), ("en", "hello", "hello there everybody", 2),
])  # fmt: skip
def test_errors_are_words(language: str, sentence: str, heard: str, errors: int) -> None:
    """Case, punctuation and spelling do not count; another word is, and in Japanese another letter."""
    assert compare(sentence, heard, normaliser(language)).errors == errors


def test_errors_are_shown_in_their_sentence() -> None:
    """A replaced, a missing and an added word each have their marks, as in a word diff; without errors nothing is."""
    normalise = normaliser("en")
    compared = compare("The quick brown fox jumps", "the quick crown fox jumps high", normalise)
    assert compared.marked == "the quick [-brown-]{+crown+} fox jumps {+high+}"
    assert compare("a dog", "dog", normalise).marked == "[-a-] dog"
    assert (compared.words, compare("A dog.", "a dog", normalise).marked) == (5, "")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence with the command that brings it."""
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with hushd_error("engine_missing", r"takes an extra: .*tune"):
        normaliser("en")
