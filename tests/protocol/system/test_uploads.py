"""Recordings on their way: files that are removed once nobody needs them."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import time
from pathlib import Path

import pytest
from hushd_protocol.system import uploads

from .conftest import SweptBefore


@pytest.fixture
def uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_a_recording_stays_while_a_process_needs_it(uploaded: Path) -> None:
    """It stays while its descriptor or a copy of that is open; other files stay always."""
    descriptor, path = uploads.create()
    (uploaded / "other").touch()
    assert path.startswith(str(uploaded / "hushd-upload-"))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    copy = os.dup(descriptor)
    for one in (descriptor, copy):
        uploads.sweep()
        assert os.path.exists(path)
        os.close(one)
    uploads.sweep()
    assert os.listdir(uploaded) == ["other"]


def test_a_recording_that_is_left_for_a_call_outlives_its_process(
    uploaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays for as long as it was left for, though no process has its lock, and not a second longer."""
    descriptor, path = uploads.create()
    uploads.leave(path, 600.0)
    os.close(descriptor)
    until = os.stat(path).st_mtime
    assert until == pytest.approx(time.time() + 600.0, abs=60.0)
    for now, is_there in ((until - 1.0, True), (until, False)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        uploads.sweep()
        assert os.path.exists(path) == is_there


def test_a_recording_that_is_swept_before_it_is_locked_is_made_again(uploaded: Path, swept_before: SweptBefore) -> None:
    """The first one is closed: the second has its number."""
    locked = swept_before(uploads, uploaded)
    descriptor, path = uploads.create()
    assert locked == [descriptor] * 2
    assert os.listdir(uploaded) == [os.path.basename(path)]
    os.close(descriptor)


@pytest.mark.parametrize(("variables", "folder"), [
    ({"TMPDIR": "/a", "TEMP": "/b", "TMP": "/c"}, "/a"),
    ({"TMPDIR": "", "TEMP": "/b", "TMP": "/c"}, "/b"),
    ({"TMP": "/c"}, "/c"),
    ({}, "/tmp"),
])  # fmt: skip
def test_the_folder_is_that_of_the_systems_temporary_files(
    variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is not there holds nothing."""
    listed: list[str] = []

    def absent(path: str) -> list[str]:
        listed.append(path)
        raise FileNotFoundError

    monkeypatch.setattr(os, "environ", variables)
    monkeypatch.setattr(os, "listdir", absent)
    uploads.sweep()
    assert listed == [folder]


@pytest.mark.parametrize("there", [True, False])
def test_tempfile_takes_the_folder_that_is_swept(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tries no other by a file; where that folder cannot be written, it looks for another, as it always does."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(folder := tmp_path / "tmp"))
    if there:
        folder.mkdir()
    uploads.settle()
    assert tempfile.tempdir == (str(folder) if there else None)


FULL = "The recording cannot be stored (full): make room in the temporary folder."
AGAIN = "The recording cannot be stored, since too many files are open: ask again in a moment."


@pytest.mark.parametrize(("number", "code", "said"), [
    (errno.EMFILE, "server_busy", AGAIN),
    (errno.ENFILE, "server_busy", AGAIN),
    (errno.ENOSPC, "output_failed", FULL),
    (errno.ENFILE - 1, "output_failed", FULL),
    (errno.EMFILE + 1, "output_failed", FULL),
])  # fmt: skip
def test_a_recording_that_cannot_be_stored(number: int, code: str, said: str) -> None:
    """Too many open files pass by themselves, all else does not."""
    failure = uploads.failure(OSError(number, "full"))
    assert (failure.code, failure.message) == (code, said)
