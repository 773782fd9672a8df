"""The words by which somebody says that they have finished."""

from __future__ import annotations

import pytest
from hushd_worker_stt.engine import Segment, Word
from hushd_worker_stt.segmentation.endpoint import until, without_end


@pytest.mark.parametrize(
    ("text", "end", "rest", "ended"),
    [
        ("Turn on the light. Over.", "over", "Turn on the light.", True),
        ("turn it off, OVER", "over", "turn it off", True),
        ("That is all — send it!", "Send it.", "That is all", True),
        ("Over.", "over", "", True),
        ("Over there.", "over", "Over there.", False),
        ("Move over", "send it", "Move over", False),
        ("it", "send it", "it", False),
        ("rover", "over", "rover", False),
        ("Don’t stop", "stop", "Don’t", True),
        ("Turn it off. Over…", "over", "Turn it off.", True),
        ("電気を消して。送信", "送信", "電気を消して。", True),
        ("Anything", "", "Anything", False),
        ("", "over", "", False),
    ],
)
def test_the_end_word(text: str, end: str, rest: str, ended: bool) -> None:
    """It counts at the end alone, as a word of its own, whatever its case and signs; the rest stays as it was said."""
    assert without_end(text, end) == (rest, ended)


def test_the_words_of_a_segment() -> None:
    """The end word leaves the text and its words, and a segment that has nothing else is left out."""
    said = tuple(Word(f" {text}", start, start + 0.5) for start, text in enumerate(("Close", "it.", "Send", "it.")))
    before = Segment(0, 1, "One.")
    assert until([before, Segment(1, 5, "Close it. Send it.", said)], "send it") == (
        [before, Segment(1, 5, "Close it.", said[:2])],
        True,
    )
    assert until([before, Segment(1, 5, "Over.")], "over") == ([before], True)
    assert until([Segment(0, 1, "Over."), Segment(1, 2, "It is.")], "over")[1] is False
    assert until([], "over") == ([], False)
