"""The wake word at the beginning of a text."""

from __future__ import annotations

import pytest
from hushd_wake_words.heard import without_start


@pytest.mark.parametrize(("text", "start", "rest"), [
    ("Hey Jarvis, turn on the light.", "hey jarvis", "turn on the light."),
    ("hey, jarvis! What time is it?", "Hey Jarvis", "What time is it?"),
    ("Alexa.", "alexa", ""),
    ("Hey Jarvisson", "hey jarvis", "Hey Jarvisson"),
    ("Say hey Jarvis", "hey jarvis", "Say hey Jarvis"),
    ("", "alexa", ""),
])  # fmt: skip
def test_the_wake_word_before_a_text(text: str, start: str, rest: str) -> None:
    """It is taken away at the beginning alone, whatever its case and signs."""
    assert without_start(text, start) == rest
