"""The measure the other tests rely on."""

import pytest
from support.wer import word_error_rate


@pytest.mark.parametrize(
    ("reference", "hypothesis", "rate"),
    [
        ("Fail better.", "fail BETTER", 0.0),
        ("don't stop", "dont, stop!", 0.0),
        ("a b c d", "a x c d", 0.25),
        ("a b c d", "a c d", 0.25),
        ("a b c d", "a b b c d", 0.25),
        ("a b", "", 1.0),
        ("a", "b c d", 3.0),
        ("one two three", "three two one", 2 / 3),
    ],
)
def test_word_error_rate(reference: str, hypothesis: str, rate: float) -> None:
    """Case and punctuation count for nothing; each word replaced, missing or added counts once."""
    assert word_error_rate(reference, hypothesis) == pytest.approx(rate)


def test_a_reference_without_words_is_an_error() -> None:
    """A rate per word of nothing has no meaning, and must not look like success."""
    with pytest.raises(ValueError, match="no words"):
        word_error_rate("...", "a")
