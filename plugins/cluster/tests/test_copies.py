"""Copies of recordings that a node's tasks share: read once, removed by whoever uses them last."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from support.peer import BOUND_S, wait_until

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed"),
    pytest.mark.usefixtures("ray"),
]


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """The places that are read; each is a file there."""
    from hushd_cluster import copies, scratch

    places: list[str] = []

    def fetched(place: str, path: Path) -> None:
        places.append(place)
        if place == "memory://busy":
            path.write_bytes(b"half")
            raise HushdError("unauthorised", "This machine may not.")
        path.write_bytes(place.encode())

    monkeypatch.setattr(copies.store, "fetched", fetched)
    monkeypatch.setattr(scratch.tempfile, "gettempdir", lambda: str(tmp_path))
    scratch.home.cache_clear()
    yield places
    scratch.home.cache_clear()


def kept(folder: Path) -> list[bytes]:
    """The copies that there are."""
    return sorted(path.read_bytes() for path in folder.glob("hushd-ray-*/*/recording*"))


@contextmanager
def killed_inside(code: str, folder: Path) -> Iterator[None]:
    """A process is in the block that `code` begins, and is killed there at the end of this one."""
    code = (
        f"import time\nfrom hushd_cluster import copies, node\n{code}    print('there', flush=True); time.sleep(600)\n"
    )
    environment = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"there\n"
        yield
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: process.poll() is not None, "its end")


def test_a_copy_is_made_once_for_all_that_use_it(fetches: list[str], tmp_path: Path) -> None:
    """At the same time or one after the other, and removed by the last; another run makes its own."""
    from hushd_cluster import copies

    together = threading.Barrier(4)

    def use(_: int) -> bytes:
        with copies.of("memory://a/long.mp3", "run") as copy:
            together.wait(BOUND_S)
            return copy.path.read_bytes()

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(use, range(4))) == {b"memory://a/long.mp3"}
    assert fetches == ["memory://a/long.mp3"]
    assert kept(tmp_path) == []
    for run in ("run", "run", "another"):
        with copies.of("memory://a/long.mp3", run) as copy:
            copy.is_kept = True
    assert len(fetches) == 3


def test_a_process_that_is_killed_leaves_no_copy_for_long(fetches: list[str], tmp_path: Path) -> None:
    """Its copy goes with the next recording of any process, or with the end of one."""
    from hushd_cluster import copies, scratch

    code = (
        "copies.store.fetched = lambda place, path: path.write_bytes(b'killed')\nwith copies.of('memory://x', 'run'):\n"
    )
    with killed_inside(code, tmp_path):
        scratch.remove_unused()
        assert kept(tmp_path) == [b"killed"]
    with copies.of("memory://y", "run"):
        assert kept(tmp_path) == [b"memory://y"]


def test_a_folder_that_others_may_write_is_not_used(fetches: list[str], tmp_path: Path) -> None:
    """They could put a recording into the place of a copy."""
    from hushd_cluster import copies

    shared = tmp_path / f"hushd-ray-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    with copies.of("memory://z", "run") as copy:
        assert copy.path.parents[1] != shared
