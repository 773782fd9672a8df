"""A recording's transcription on a node, with a real supervisor and its client; without Ray's cluster."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hushd import Client
from hushd_cluster.recording import Recording
from support.peer import ECHO, Start, command

if TYPE_CHECKING:
    from hushd_cluster.task import Outcome

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed"),
    pytest.mark.usefixtures("ray"),
]


@pytest.fixture
def node(start_supervisor: Start, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A node, whose engine hears a recording's digest."""
    from hushd_cluster import task

    start_supervisor(f"stt = 'echo/a'\n[worker.\"stt/echo\"]\n{command(ECHO)}")
    context = SimpleNamespace(get_node_id=lambda: "n")
    util = SimpleNamespace(get_node_ip_address=lambda: "127.0.0.1")
    monkeypatch.setattr(task, "ray", SimpleNamespace(get_runtime_context=lambda: context, util=util))
    with Client() as client:
        monkeypatch.setattr(task, "_client", lambda: client)
        yield


def transcribed(recording: Recording, url: str | None, data: bytes | None = None) -> Outcome:
    """Returns the outcome of Ray's task."""
    from hushd_cluster import task

    return task.transcribe(data, task.Task(recording, {}, "txt", url))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() + "\n"


def test_a_node_reads_and_writes_a_shared_folder_itself(node: None, tmp_path: Path) -> None:
    """The transcript does not come back; that of bytes that came with the task does."""
    (tmp_path / "a.wav").write_bytes(b"one")
    made = transcribed(Recording("b/a.wav", f"file://{tmp_path}/a.wav"), f"file://{tmp_path}/out")
    assert (made.error, made.transcript) == (None, None)
    assert (tmp_path / "out/b/a.wav.txt").read_text() == digest(b"one")
    sent = transcribed(Recording("c", "/of/the/driver"), None, b"two").transcript
    assert sent
    assert sent.render("txt") == digest(b"two")


@pytest.mark.parametrize(("place", "code"), [
    ("ipfs://a", "bad_request"), ("gs://a/b.wav", "engine_missing"), ("file://{}/none", "input_unreadable"),
    ("file://{}/pipe", "input_unreadable"), ("file://{}/loop", "input_unreadable"), ("file://{}", "input_unreadable"),
    ("file:///dev/zero", "input_unreadable"), ("file:///a\0b", "input_unreadable"),
    ("file:///\ud800", "input_unreadable"),
    ("memory://a/" + "x." + "s" * 300, "input_unreadable"),
])  # fmt: skip
def test_a_place_that_a_node_cannot_read_is_the_fault_of_its_line(
    node: None, tmp_path: Path, place: str, code: str
) -> None:
    """The line fails within a moment, and nothing is said of others."""
    os.mkfifo(tmp_path / "pipe")
    os.symlink("loop", tmp_path / "loop")
    if code == "engine_missing" and find_spec("gcsfs"):
        pytest.skip("the library is here")
    made = transcribed(Recording("a", place.format(tmp_path)), f"file://{tmp_path}/out")
    assert made.error
    assert (made.error.code, made.node) == (code, "n")
    assert made.is_its_own or made.error.scope == "request"


def test_no_exception_of_a_recording_leaves_a_task(node: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's own error would have no node; and a text that may have a password is not shown."""
    from hushd_cluster import store

    (tmp_path / "a.wav").write_bytes(b"one")
    made = transcribed(Recording("a", f"file://{tmp_path}/a.wav"), "nonsense://out")
    assert made.error
    assert (made.error.code, made.is_its_own) == ("bad_request", False)

    def fetched(url: str) -> bytes:
        raise RuntimeError("secret")

    monkeypatch.setattr(store, "fetched", fetched)
    made = transcribed(Recording("a", "https://host/a"), None)
    assert made.error
    assert (made.error.code, made.node) == ("worker_failed", "n")
    assert "secret" not in made.error.message
