"""The errors and their table."""

from __future__ import annotations

import pytest
from hushd_protocol.errors import CODES, HushdError, leaf_errors, reason


def test_an_exception_knows_its_row() -> None:
    """Culprit, retryable, HTTP status, exit code and scope come from the table; str() is the sentence alone."""
    for code in CODES.values():
        error = HushdError(code.name, "It did not work: try again.")
        assert (error.culprit, error.retryable, error.http_status, error.exit_code, error.scope) == (
            code.culprit, code.retryable, code.http, code.exit, code.scope,
        )  # fmt: skip
        assert str(error) == "It did not work: try again."


def test_another_versions_code_keeps_its_sentence() -> None:
    """A code this version does not know is a failure of the worker; the code itself is in the detail."""
    error = HushdError("quota_used_up", "Your quota is used up.", detail={"left": 0})
    assert (error.code, str(error), error.detail) == (
        "worker_failed", "Your quota is used up.", {"left": 0, "code": "quota_used_up"},
    )  # fmt: skip


@pytest.mark.parametrize(("said", "line"), [
    ("no module", "no module"),
    ("It is damaged. ", "It is damaged"),
    ("a" * 500, "a" * 200),
    ("...", "ImportError"),
    ("\nPLEASE READ THIS\n\nOriginal error was: libx.so is missing\n\n", "Original error was: libx.so is missing"),
    ("\n \n", "ImportError"),
])  # fmt: skip
def test_a_librarys_reason_is_one_line(said: str, line: str) -> None:
    """Whatever an exception of somebody else's says, one line of it goes into our sentence."""
    assert reason(ImportError(said)) == line
    assert reason(KeyError("audio")) == "'audio' is missing"


def test_the_errors_of_a_group_are_its_leaves() -> None:
    """They are found at any depth, in their order; an error alone is its own."""
    one, two, three = ValueError(), KeyboardInterrupt(), KeyError()
    assert [*leaf_errors(BaseExceptionGroup("a", [one, BaseExceptionGroup("b", [two]), three]))] == [one, two, three]
    assert [*leaf_errors(one)] == [one]
