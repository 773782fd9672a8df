"""One run at a time over a folder of transcripts."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd_cluster.claim import NAME, claimed
from support.refusals import hushd_error

BEAT_S = 0.05


@pytest.mark.parametrize("scheme", ["", "file://", "memory://"])
def test_a_second_run_is_refused_while_one_is_at_work(tmp_path: Path, scheme: str) -> None:
    """It names the first, and where; after its end the folder is free, and another folder always was."""
    if scheme == "memory://" and find_spec("fsspec") is None:
        pytest.skip("the extra ray is not installed")
    place = f"{scheme}{tmp_path}"
    with claimed(place, BEAT_S):
        with hushd_error("server_busy", f"process {os.getpid()} at"), claimed(place, BEAT_S):
            pass
        (tmp_path / "b").mkdir()
        with claimed(f"{place}/b", BEAT_S):
            pass
    with claimed(place, BEAT_S):
        pass


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_the_end_of_a_run_frees_its_folder_however_it_comes(tmp_path: Path, scheme: str) -> None:
    """Killed, too: a lock ends with its process, and a word that stays the same is nobody's."""
    place = f"{scheme}{tmp_path}"
    code = (
        "import os, signal\nfrom hushd_cluster.claim import claimed\n"
        f"with claimed({place!r}, {BEAT_S}):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (tmp_path / NAME).read_bytes() != b""
    with claimed(place, BEAT_S):
        pass
    assert not (tmp_path / NAME).exists()
