"""Programs that get a text and print one."""

from __future__ import annotations

import os
import signal

import pytest
from hushd_desktop import program


def test_a_group_that_is_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS does not permit a signal to it, and the program has not failed by that: its output counts."""

    def refused(group: int, number: int) -> None:
        assert number == signal.SIGKILL
        raise PermissionError

    monkeypatch.setattr(os, "killpg", refused)
    assert program.run(["cat"], 10.0, b"text") == (b"text", 0)
