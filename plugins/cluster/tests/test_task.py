"""A recording's transcription on a node, with a real supervisor and its client; without Ray's cluster."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hushd import Client
from hushd.transcripts.segment import Segment
from hushd_cluster import outputs, store
from hushd_cluster.joints import Joints
from hushd_cluster.leaving import Notice
from hushd_cluster.parts import Part
from hushd_cluster.recording import Recording
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from support.peer import BOUND_S, ECHO, Supervisor, command, wait_until

if TYPE_CHECKING:
    from hushd_cluster.attempt import Attempt
    from hushd_cluster.task import Outcome

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed"),
    pytest.mark.usefixtures("ray"),
]


@pytest.fixture
def node(start_supervisor: Callable[..., Supervisor]) -> Iterator[Client]:
    """A node's client; `echo` hears one segment, `parts` hears ten."""
    start_supervisor(
        f"stt = 'echo/a'\n[worker.\"stt/echo\"]\n{command(ECHO)}"
        f'[worker."stt/long"]\n{command(ECHO, "--segments", "400", "--length", "10")}'
        f'[worker."stt/parts"]\n{command(ECHO, "--segments", "10")}'
        f'[worker."stt/slow"]\n{command(ECHO, "--segments", "10", "--takes", "5")}'
    )
    with Client() as client:
        yield client


def attempt(client: Client, recording: Recording, url: str | None, **options: Any) -> Attempt:
    from hushd_cluster.attempt import Attempt, Task

    return Attempt(Task(recording, options, "txt", url), client, Notice(paths.find().runtime))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() + "\n"


def test_a_node_reads_and_writes_a_shared_folder_itself(node: Client, tmp_path: Path) -> None:
    """Without a copy of the recording; no transcript is written over, unless it is older."""
    from hushd_cluster.reading import recorded

    (tmp_path / "a.wav").write_bytes(b"one")
    recording = Recording("b/a.wav", f"file://{tmp_path}/a.wav")
    url = f"file://{tmp_path}/out"
    for data, stale, text in ((b"one", False, b"one"), (b"two", False, b"one"), (b"two", True, b"two")):
        (tmp_path / "a.wav").write_bytes(data)
        again = Recording(recording.name, recording.place, is_stale=stale)
        with recorded(None, again) as path:
            assert path == tmp_path / "a.wav"
            attempt(node, again, url).run(path)
        assert (tmp_path / "out/b/a.wav.txt").read_text() == digest(text)


def test_a_part_that_is_there_is_gone_on_with(node: Client, tmp_path: Path) -> None:
    """From its last segment, and removed at the end; who is not told of it looks for none."""
    (tmp_path / "a.wav").write_bytes(b"long")
    url = f"file://{tmp_path}/out"
    options = {"engine": "parts", "model": "a"}
    part = Part(store.opened(url), "a", tmp_path / "a.wav", options)
    for number in range(4):
        part.add(Segment(number, float(number), number + 1.0, f"before {number}"), number + 1.0, "", 0.0)
    part.keep()
    begun = Recording("a", f"file://{tmp_path}/a.wav", is_begun=True)
    transcript = attempt(node, begun, url, **options).run(tmp_path / "a.wav")
    assert [segment.text for segment in transcript] == [*(f"before {n}" for n in range(4)), *map(str, range(4, 10))]
    assert [segment.id for segment in transcript] == list(range(10))
    assert (tmp_path / "out/a.txt").read_text().split("\n")[3:5] == ["before 3", "4"]
    assert not (tmp_path / "out" / outputs.PARTS / "a.json").exists()
    part.keep()
    fresh = attempt(node, Recording("b", begun.place), None, **options).run(tmp_path / "a.wav")
    assert [segment.text for segment in fresh] == list(map(str, range(10)))


def test_a_machine_that_leaves_hands_a_long_recording_back(node: Client, tmp_path: Path, runtime: Path) -> None:
    """Its part is in the store at once, and another node ends it with the same segments."""
    (tmp_path / "a.wav").write_bytes(b"long")
    url, options = f"file://{tmp_path}/out", {"engine": "slow", "model": "a"}
    recording = Recording("a", f"file://{tmp_path}/a.wav")
    first = attempt(node, recording, url, **options)
    failures: list[HushdError] = []

    def work() -> None:
        try:
            first.run(tmp_path / "a.wav")
        except HushdError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: len(first._segments) >= 2, "two segments")
    Notice(runtime).give(time.time())
    thread.join(BOUND_S)
    assert [error.code for error in failures] == ["shutting_down"]
    assert first.is_handed_back
    assert not (tmp_path / "out/a.txt").exists()
    Notice(runtime).take_back()
    second = attempt(node, replace(recording, is_begun=True), url, **options)
    transcript = second.run(tmp_path / "a.wav")
    assert [segment.text for segment in transcript] == list(map(str, range(10)))
    assert second._segments[:2] == first._segments[:2]


def test_a_process_that_must_end_hands_its_recording_back(
    node: Client, tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the grace is too short for the rest of it; its part is in the store."""
    from hushd_cluster import leaving

    monkeypatch.setattr(leaving, "GRACE_S", 3.0)
    (tmp_path / "a.wav").write_bytes(b"long")
    url, options = f"file://{tmp_path}/out", {"engine": "slow", "model": "a"}
    first = attempt(node, Recording("a", f"file://{tmp_path}/a.wav"), url, **options)
    part = tmp_path / "out" / outputs.PARTS / "a.json"

    def end() -> None:
        wait_until(lambda: len(first._segments) >= 2, "two segments")
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=end)
    thread.start()
    with first._notice.by_signal(), pytest.raises(HushdError) as raised:
        first.run(tmp_path / "a.wav")
    thread.join(BOUND_S)
    assert (raised.value.code, first.is_handed_back, part.exists()) == ("shutting_down", True, True)


def test_a_long_recording_is_heard_in_stretches_and_joined(node: Client, tmp_path: Path) -> None:
    """As one node hears it; a stretch that is there is not heard again, and none is left at the end."""
    from hushd_cluster.attempt import Attempt, Task
    from hushd_cluster.delivery import Delivery
    from hushd_cluster.stretches import Long

    (tmp_path / "a.wav").write_bytes(b"long")
    url, options = f"file://{tmp_path}/out", {"engine": "long", "model": "a"}
    recording = Recording("b/a", f"file://{tmp_path}/a.wav", options={"language": "en"})

    def made(recording: Recording) -> Attempt:
        task = Task(recording, options, "json", url, stretch_s=600.0)
        return Attempt(task, node, Notice(paths.find().runtime))

    with pytest.raises(Long) as raised:
        made(recording).run(tmp_path / "a.wav")
    assert (raised.value.total_s, raised.value.language) == (4000.0, "en")
    joints = Joints(600.0)
    stretches = joints.begin(recording, raised.value.total_s, "")
    assert len(stretches) == 7
    lengths = [made(each).read(None).duration for each in reversed(stretches)]
    assert sum(lengths) == pytest.approx(4000.0)
    (*_, joint) = [joints.ended(each) for each in stretches]
    assert joint
    assert not (tmp_path / "out/b/a.json").exists()
    kept = sorted(path.name for path in (tmp_path / "out" / outputs.PARTS / "b").iterdir())
    assert kept == [f"a.{number:04}-0007.json" for number in range(7)]
    again = made(stretches[3])
    assert again.run(tmp_path / "a.wav").segments == tuple(again._segments)
    delivery = Delivery(store.opened(url), joint, "json")
    delivery.join()
    text = json.loads((tmp_path / "out/b/a.json").read_text())
    assert [(each["start"], each["end"], each["text"]) for each in text["segments"]] == [
        (10.0 * number, 10.0 * number + 10, str(number)) for number in range(400)
    ]
    assert text["language"] == "en"
    assert list((tmp_path / "out" / outputs.PARTS / "b").iterdir()) == []
    with pytest.raises(HushdError, match=r"The transcript of a stretch is missing: \.hushd/parts/b/a\.0000-0007"):
        delivery.join()


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("ipfs://a", "bad_request"), ("gs://a/b.wav", "engine_missing"), ("file://{}/none", "input_unreadable"),
        ("file://{}/pipe", "input_unreadable"), ("file://{}/loop", "input_unreadable"),
        ("file://{}", "input_unreadable"), ("file:///dev/zero", "input_unreadable"),
        ("file:///a\0b", "input_unreadable"), ("file:///\ud800", "input_unreadable"),
        ("memory://a/" + "x." + "s" * 300, "input_unreadable"),
    ],
)  # fmt: skip
def test_a_place_that_a_node_cannot_read_is_the_fault_of_its_line(
    monkeypatch: pytest.MonkeyPatch, node: Client, tmp_path: Path, place: str, code: str
) -> None:
    """Within a moment, and nothing is said of others."""
    os.mkfifo(tmp_path / "pipe")
    os.symlink("loop", tmp_path / "loop")
    if code == "engine_missing" and find_spec("gcsfs"):
        pytest.skip("the library is here")
    made = transcribed(monkeypatch, node, Recording("a", place.format(tmp_path)), f"file://{tmp_path}/out")
    assert made.error
    assert (made.error.code, made.is_its_own, made.node) == (code, True, "n")


def test_no_exception_of_a_recording_leaves_a_task(
    monkeypatch: pytest.MonkeyPatch, node: Client, tmp_path: Path
) -> None:
    """Ray's own error would have no node; and a text that may have a password is not shown."""
    made = transcribed(monkeypatch, node, Recording("a", "https://u:secret@ex\u2100mple/a"), None)
    assert made.error
    assert (made.error.code, made.node) == ("worker_failed", "n")
    assert "secret" not in made.error.message
    (tmp_path / "a.wav").write_bytes(b"one")
    made = transcribed(monkeypatch, node, Recording("a", f"file://{tmp_path}/a.wav"), "nonsense://out")
    assert made.error
    assert (made.error.code, made.is_its_own) == ("bad_request", False)


def transcribed(monkeypatch: pytest.MonkeyPatch, node: Client, recording: Recording, url: str | None) -> Outcome:
    """Returns the outcome of Ray's task."""
    from hushd_cluster import task

    context = SimpleNamespace(get_node_id=lambda: "n")
    util = SimpleNamespace(get_node_ip_address=lambda: "127.0.0.1")
    monkeypatch.setattr(task, "ray", SimpleNamespace(get_runtime_context=lambda: context, util=util))
    monkeypatch.setattr(task, "_client", lambda: node)
    return task.transcribe(None, task.Task(recording, {}, "txt", url))


def test_a_recording_that_is_not_there_is_named_by_its_place(tmp_path: Path) -> None:
    """Without the query of its URL, which may be a secret."""
    from hushd_cluster.reading import recorded

    gone = Recording("17", f"file://{tmp_path}/none.wav?secret")
    sentence = rf"^17 cannot be read: there is no file://{tmp_path}/none\.wav\.$"
    with pytest.raises(HushdError, match=sentence) as raised, recorded(None, gone) as path:
        path.read_bytes()
    assert raised.value.code == "input_unreadable"
