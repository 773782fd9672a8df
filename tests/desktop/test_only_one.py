"""The right to run of a program of which there is one at a time."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hushd_desktop.only_one import OnlyOne
from hushd_protocol.errors import HushdError


def test_a_full_disk(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a sentence: without our number in the file the next one could not end us."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(HushdError, match=r"sample\.lock cannot be written \(No space left on device\)") as caught:
        OnlyOne("sample")
    assert caught.value.code == "output_failed"
