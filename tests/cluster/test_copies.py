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
            assert copy.path.suffix == ".mp3"
            return copy.path.read_bytes()

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(use, range(4))) == {b"memory://a/long.mp3"}
    assert fetches == ["memory://a/long.mp3"]
    assert kept(tmp_path) == []
    for run in ("run", "run", "another"):
        with copies.of("memory://a/long.mp3", run) as copy:
            copy.is_kept = True
    assert len(fetches) == 3


def test_copies_do_not_fill_the_disk(fetches: list[str], tmp_path: Path) -> None:
    """Of those kept for other tasks one that nobody uses goes when another one is made; one in use stays."""
    from hushd_cluster import copies, scratch

    with copies.of("memory://used", "run") as used:
        for number in range(10):
            with copies.of(f"memory://{number}", "run") as copy:
                copy.is_kept = True
            assert kept(tmp_path) == [f"memory://{number}".encode(), b"memory://used"]
        assert used.path.exists()
    scratch.remove_unused()
    assert kept(tmp_path) == []


def test_half_a_copy_is_none(fetches: list[str], tmp_path: Path) -> None:
    """Nor is anything left where reading fails."""
    from hushd_cluster import copies

    with pytest.raises(HushdError), copies.of("memory://busy", "run"):
        pass
    assert list(tmp_path.glob("hushd-ray-*/*")) == []


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


def test_nor_does_one_that_was_killed_with_a_recording_of_the_drivers(tmp_path: Path, fetches: list[str]) -> None:
    """Its file goes with the next one; one in use stays."""
    from hushd_cluster import node

    with killed_inside("with node.as_file(b'killed'):\n", tmp_path), node.as_file(b"mine", "a/b.mp3") as path:
        assert path.suffix == ".mp3"
        assert kept(tmp_path) == [b"killed", b"mine"]
    with node.as_file(b"next"):
        assert kept(tmp_path) == [b"next"]
    assert kept(tmp_path) == []


def test_a_folder_that_others_may_write_is_not_used(fetches: list[str], tmp_path: Path) -> None:
    """They could put a recording into the place of a copy."""
    from hushd_cluster import copies

    shared = tmp_path / f"hushd-ray-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    with copies.of("memory://z", "run") as copy:
        assert copy.path.parents[1] != shared
