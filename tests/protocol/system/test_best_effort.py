"""Files that a process can do without: it goes on, and says so once."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from hushd_protocol.system import best_effort

GOES_ON = "hushd goes on without it and other such files"


def test_a_kind_of_fault_is_reported_once(told: list[str]) -> None:
    """Whatever files it concerns; the block ends at the fault, and other exceptions pass."""
    for path, error in [
        ("/a", OSError(errno.ENOSPC, "full")),
        (Path("/b"), OSError(errno.ENOSPC, "full")),
        (Path("/c"), OSError("odd")),
        ("/d", OSError("odder")),
    ]:
        with best_effort.writing(path):
            raise error
    with best_effort.writing("/e"):
        pass
    assert told == [f"/a cannot be written (full): {GOES_ON}", f"/c cannot be written (odd): {GOES_ON}"]
    with pytest.raises(ValueError, match="ours"), best_effort.writing("/f"):
        raise ValueError("ours")


def test_a_log_that_comes_later_has_the_earlier_sentences(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    """It has them once: a second log has the later ones."""
    kept: list[str] = []
    monkeypatch.setattr(best_effort, "_kept", kept)
    monkeypatch.setattr(best_effort, "_report", kept.append)
    logs: list[list[str]] = [[], []]
    for number, log in enumerate(logs):
        best_effort.failed("/a", OSError(2 * number, "early"))
        best_effort.report_to(log.append)
        best_effort.failed("/b", OSError(2 * number + 1, "late"))
    assert [[sentence.partition(")")[0] for sentence in log] for log in logs] == [
        ["/a cannot be written (early", "/b cannot be written (late", "/a cannot be written (early"],
        ["/b cannot be written (late"],
    ]
