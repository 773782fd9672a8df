"""Machines of the matrix: drawn alike each time, refused in a sentence, and gone with whoever made them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from machines import root
from machines.__main__ import played
from machines.matrix import MACHINES, drawn
from support.peer import wait_until

MAKER = """
import sys
from pathlib import Path
from machines import root
with root.entered(Path(sys.argv[1]), archive=Path(sys.argv[2])):
    print("entered", flush=True)
    sys.stdin.read()
"""


def test_a_commit_draws_one_machine() -> None:
    """Each that may be drawn is, and the same commit always draws the same."""
    commits = [f"{number:040x}" for number in range(100)]
    assert [drawn(commit) for commit in commits] == [drawn(commit) for commit in commits]
    assert {drawn(commit).name for commit in commits} == {name for name, one in MACHINES.items() if one.by_day}


def test_whoever_is_not_root_is_told_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence tells it, and the run does not count as passed."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    refusal = "It cannot be had here: only root can mount and change roots, so run it by sudo."
    assert played(MACHINES["debian-12"], False, None) == refusal


def test_nothing_stays_of_a_maker_that_was_killed(tmp_path: Path) -> None:
    """The keeper ends the namespaces and removes the files of the root."""
    if reason := root.missing():
        pytest.skip(reason)
    folder, archive = tmp_path / "root", tmp_path / "root.tar"
    folder.mkdir()
    with tarfile.open(archive, "w") as tar:
        for name in ("dev", "proc", "run", "sys"):
            tar.addfile(_folder(name))
    with subprocess.Popen(
        [sys.executable, "-c", MAKER, folder, archive], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    ) as maker:  # fmt: skip
        assert maker.stdout
        assert maker.stdout.readline() == "entered\n"
        assert folder.exists()
        maker.send_signal(signal.SIGKILL)
    wait_until(lambda: not folder.exists(), "the removal")


def _folder(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    return entry
