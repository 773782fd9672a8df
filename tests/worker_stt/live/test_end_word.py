"""The word that ends an utterance: compared as it is heard, and cut. Pure."""

from __future__ import annotations

import pytest
from hushd_worker_stt.engine import Segment
from hushd_worker_stt.live.end_word import END_WORD_S, EndWord
from hushd_worker_stt.partials import Unstable


@pytest.mark.parametrize(
    ("word", "heard", "left"),
    [
        ("over", "Turn it on, OVER.", ["Turn it on"]), ("Over!", "Turn it on. Over", ["Turn it on."]),
        ("over", "Turn it over and over", ["Turn it over and"]), ("over", "Hangover", ["Hangover"]),
        ("over", "Over.", []), ("over and out", "That is all. Over and out.", ["That is all."]),
        ("Ende", "Mach es an – Ende.", ["Mach es an"]), ("", "Over.", ["Over."]), ("...", "So ...", ["So ..."]),
    ],
)  # fmt: skip
def test_it_is_cut_from_the_end(word: str, heard: str, left: list[str]) -> None:
    """Whole words, whatever their case and signs."""
    cut = EndWord(word).finish([Segment(0, 9, heard)])
    assert [segment.text for segment in cut] == left


def test_each_utterance_begins_anew() -> None:
    """The end word of one says nothing of the next."""
    end = EndWord("over")
    for begun_s in (5.0, 1.0):
        end.hear(Unstable("", "Go, over"), begun_s)
        assert [end.is_over(begun_s + wait_s) for wait_s in (0, END_WORD_S + 0.1)] == [False, True]
        end.finish([])
        assert not end.is_over(begun_s + 9)
