"""Advice in the words of each door."""

from __future__ import annotations

import pytest
from hushd_protocol.errors import SHELL_ADVICE, HushdError, advised, sentence
from hushd_protocol.messages import Error

HTTP = {"list_voices": "GET /v1/audio/voices lists them"}


@pytest.mark.parametrize("advice", SHELL_ADVICE)
def test_the_message_has_the_shells_words(advice: str) -> None:
    """Whoever knows no other words has a whole sentence, and so has a door without any for this advice."""
    error = advised("bad_request", "There is none", advice)
    assert str(error) == sentence(error, {}) == f"There is none: {SHELL_ADVICE[advice]}."


def test_a_door_words_it_for_its_readers() -> None:
    """The error may have come over the wire from another process."""
    error = advised("bad_request", "There is no voice 'hart'", "list_voices")
    for each in (error, Error.of(b"1", error).exception()):
        assert sentence(each, HTTP) == "There is no voice 'hart': GET /v1/audio/voices lists them."


@pytest.mark.parametrize(
    "detail", [{}, {"advice": 7}, {"advice": ["x"]}, {"advice": ["x", "unknown"]}, {"advice": [1, 2]}]
)
def test_an_error_without_advice_is_its_message(detail: dict[str, object]) -> None:
    """Whatever an engine of somebody else's has put into its detail."""
    assert sentence(HushdError("bad_request", "No.", detail=detail), HTTP) == "No."
