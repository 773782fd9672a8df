"""Claims about every refusal, whatever was refused."""

from __future__ import annotations

LONGEST = 20_000  # characters of a sentence; a list of what is known may be long


def sentence(said: object) -> None:
    """Asserts that a refusal is a line that somebody can read."""
    text = str(said)
    assert text, "a refusal without a word"
    assert len(text) < LONGEST, f"{len(text)} characters: {text[:80]!r}"
    assert "\n" not in text, f"more than a line: {text[:80]!r}"
