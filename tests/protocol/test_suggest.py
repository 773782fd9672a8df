"""Suggestions for mistyped names."""

from __future__ import annotations

import time

import pytest
from hushd_protocol.suggest import nearest


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("keep_aliv", "keep_alive"),
        ("KEEP_ALIVE", "keep_alive"),
        ("whispr", "Whisper"),
        ("whisper", "Whisper"),
        ("zzz", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_the_likest_name(word: object, meant: str | None) -> None:
    """One that is like it in letters of any case, as it is spelt in the list; nothing for a name like none."""
    assert nearest(word, ["keep_alive", "Whisper", "moonshine"]) == meant


def test_a_word_of_a_megabyte_keeps_nobody_waiting() -> None:
    """Only the beginning of what somebody sends is compared."""
    before = time.process_time()
    assert nearest("keep_alive" * 100_000, ["keep_alive", "x" * 1000]) is None
    assert time.process_time() - before < 1.0
