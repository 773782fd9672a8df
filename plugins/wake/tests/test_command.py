"""`hushd wake` before it opens a microphone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_wake_words import command
from support.refusals import hushd_error


@pytest.mark.parametrize(("words", "complaint"), [
    ([""], "words must be a list"), (["a" * 81], "words must be a list"), (["alexa"] * 21, "words must be a list"),
    (["alexa", "--", "/no/such/program"], "'/no/such/program' cannot be started: there is no such program"),
    (["alexa", "--", "/"], "'/' cannot be started: there is no such program"),
    (["alexa", "--"], "A command must follow --"),
])  # fmt: skip
def test_what_cannot_work_is_told_before_anybody_speaks(words: list[str], complaint: str, runtime: Path) -> None:
    """No supervisor is started for a word that none can be, nor for a program that is not there."""
    with hushd_error("bad_request", complaint):
        command.main("hushd wake", words)
    assert not (runtime / "client.sock").exists()
