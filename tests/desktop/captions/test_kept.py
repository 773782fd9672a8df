"""The process that keeps what plays: what it refuses before it listens."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hushd_desktop.captions import command, kept
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import SOCKET_PATH


def test_a_runtime_folder_just_too_long(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that holds the supervisor's sockets and not this longer one is refused with what to do."""
    folder = runtime / ("x" * (SOCKET_PATH - len("/worker.sock") - len(os.fspath(runtime)) - 1))
    monkeypatch.setenv("HUSHD_RUNTIME_DIR", os.fspath(folder))
    with pytest.raises(HushdError, match="set HUSHD_RUNTIME_DIR to a shorter folder") as caught:
        kept.keep(None, 5.0)
    assert caught.value.code == "bad_request"


def test_a_full_disk(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no room for the socket's name either, and that is a sentence."""

    def full(self: Path, **_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "unlink", full)
    with pytest.raises(HushdError, match=r"The socket .* cannot be made \(No space left on device\)"):
        kept.keep(None, 5.0)


@pytest.mark.parametrize("option", [["--json"], ["--diarize"], ["--socket", "x"]])
@pytest.mark.parametrize("mode", [["--keep", "5"], ["--last"]])
def test_options_that_would_do_nothing(runtime: Path, mode: list[str], option: list[str]) -> None:
    """They are refused, not passed over: who asks for JSON must not get text."""
    with pytest.raises(HushdError, match="leave out the other options"):
        command.main("hushd captions", [*mode, *option])
