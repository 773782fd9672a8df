"""A driver hands recordings out and takes what comes back; without a cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_cluster.outputs import Outputs
from hushd_cluster.recording import Recording
from hushd_protocol.errors import HushdError

if TYPE_CHECKING:
    from hushd_cluster.spread import Spread
    from hushd_cluster.task import Outcome, Task

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed"),
    pytest.mark.usefixtures("ray"),
]


class Cluster:
    """Two nodes in place of Ray's, which end one task a round; `make` says what a node makes of a task."""

    def __init__(self, make: Callable[[Task, str], Outcome]) -> None:
        self.exceptions = import_module("ray.exceptions")
        self._make = make
        self._running: dict[int, tuple[Task, str]] = {}
        self.selectors: dict[str, list[Any]] = {}
        self.tasks: list[tuple[bytes | None, Task]] = []

    def remote(self, **_: Any) -> Callable[[Any], Any]:
        return lambda function: SimpleNamespace(options=self._options)

    def _options(self, label_selector: dict[str, str] | None) -> Any:
        def send(data: bytes | None, task: Task) -> int:
            self.selectors.setdefault(task.recording.name, []).append(label_selector)
            self.tasks.append((data, task))
            self._running[len(self.tasks)] = task, "b" if label_selector and "a" in str(label_selector) else "a"
            return len(self.tasks)

        return SimpleNamespace(remote=send)

    def wait(self, references: list[int], *, timeout: float) -> tuple[list[int], list[int]]:
        return references[:1], references[1:]

    def get(self, reference: int) -> Outcome:
        return self._make(*self._running.pop(reference))

    def cancel(self, reference: int, *, force: bool) -> None:
        self._running.pop(reference)

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1000.0}


def outcome(node: str, *fields: Any, **more: Any) -> Outcome:
    """Returns the outcome of a recording on a node."""
    from hushd_cluster.task import Outcome

    return Outcome(node, node, *fields, **more)


def heard(task: Task, node: str) -> Outcome:
    return outcome(node, Transcript((Segment(0, 0.0, 1.0, task.recording.name),)), sound_s=1.0, work_s=0.5)


def spread_over(
    monkeypatch: pytest.MonkeyPatch,
    target: Path,
    recordings: list[Recording],
    make: Callable[[Task, str], Outcome] = heard,
    options: dict[str, Any] | None = None,
    is_mixed: bool = True,
) -> tuple[Cluster, Spread]:
    """Spreads a corpus; returns the cluster and the run."""
    from hushd_cluster import session, spread

    cluster = Cluster(make)
    monkeypatch.setattr(spread, "ray", cluster)
    monkeypatch.setattr(session, "alive", lambda: [{"NodeID": "a"}, {"NodeID": "b"}])
    outputs = Outputs(str(target / "out"), "txt")
    made = spread.Spread(recordings, outputs, options or {}, is_mixed=is_mixed)
    made.run()
    outputs.keep()
    return cluster, made


def remote(count: int) -> list[Recording]:
    return [Recording(f"{number}", f"s3://a/{number}") for number in range(count)]


def test_a_recording_goes_to_another_node_after_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The second try avoids the node of the first."""

    def make(task: Task, node: str) -> Outcome:
        sick = task.recording.name == "1" and node == "a"
        return outcome(node, error=HushdError("worker_failed", "No.")) if sick else heard(task, node)

    cluster, made = spread_over(monkeypatch, tmp_path, remote(3), make)
    assert (made.failed, made.left_out) == ({}, {})
    assert cluster.selectors["1"] == [None, {"ray.io/node-id": "!in(a)"}]
    figures = made.figures
    assert (figures.done, figures.set_aside, figures.sound_s, figures.total) == (3, 0, 3.0, 3)
    assert {name: node.recordings for name, node in figures.nodes.items()} == {"a": 2, "b": 1}


@pytest.mark.parametrize(("alive", "sent"), [(("a", "b"), 2), (("a",), 3)])
def test_a_second_try_is_called_back_only_where_its_node_is_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, alive: tuple[str, ...], sent: int
) -> None:
    """While another node than the failed one is there, a long recording is not begun again at each look."""
    from hushd_cluster import session, spread

    clock, tries, nodes = [100.0], list[str](), list[tuple[str, ...]]([("b", "a")])
    monkeypatch.setattr(spread, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def make(task: Task, node: str) -> Outcome:
        tries.append(node)
        return outcome(node, error=HushdError("worker_failed", "No.")) if len(tries) == 1 else heard(task, node)

    class Slow(Cluster):
        """The second try takes longer than it takes to look at the nodes."""

        def wait(self, references: list[int], *, timeout: float) -> tuple[list[int], list[int]]:
            clock[0] += spread.NODES_LOOK_INTERVAL_S
            if len(self.tasks) == 2 and nodes[0] != alive:
                nodes[0] = alive
                return [], references
            return super().wait(references, timeout=timeout)

    cluster = Slow(make)
    monkeypatch.setattr(spread, "ray", cluster)
    monkeypatch.setattr(session, "alive", lambda: [{"NodeID": each} for each in nodes[0]])
    made = spread.Spread(remote(1), Outputs(str(tmp_path / "out"), "txt"), {})
    made.run()
    assert (made.failed, len(cluster.tasks)) == ({}, sent)


def test_what_could_be_read_of_a_recording_that_is_cut_off_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A run keeps what `listen` keeps: the transcript of the part, and the reason on the list."""

    def make(task: Task, node: str) -> Outcome:
        whole = heard(task, node)
        broken = HushdError("input_unreadable", "It is cut off.", detail={"read_s": 1.0})
        return outcome(node, whole.transcript, broken) if task.recording.name == "0" else whole

    _, made = spread_over(monkeypatch, tmp_path, remote(2), make)
    assert (tmp_path / "out/0.txt").read_text() == "0\n"
    assert made.failed["0"].code == "input_unreadable"
    assert list(json.loads((tmp_path / "out/set-aside.json").read_text())) == ["0"]


@pytest.mark.parametrize("name", ["mod", "1", "text", "a", ":", "it is", "2024/17", "It is not audio"])
def test_a_failure_is_told_with_the_whole_id(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """An id that is a part of the sentence by chance, too: nobody could tell which recording it is about."""
    from hushd_cluster import corpus

    error = HushdError("input_unreadable", "It is not audio: the model of text 1 cannot read it.")
    _, made = spread_over(
        monkeypatch, tmp_path, [Recording(name, "s3://a/b")], lambda task, node: outcome(node, error=error)
    )
    options, source = SimpleNamespace(output="out", json=True), SimpleNamespace(faults=[])
    assert corpus._report(options, source, made, []) == 4  # type: ignore[arg-type]
    assert f": {name}: {error.message}\n" in capfd.readouterr().err


def test_a_url_travels_alone_and_a_path_with_its_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each recording of a manifest with its own options, which go before the command's."""
    (tmp_path / "b.wav").write_bytes(b"sound")
    recordings = [Recording("0", "s3://a/b.wav", options={"language": "de"}), Recording("1", str(tmp_path / "b.wav"))]
    options = {"language": "en", "word_times": True}
    cluster, _ = spread_over(monkeypatch, tmp_path, recordings, options=options)
    assert [(data, task.options) for data, task in cluster.tasks] == [
        (None, {"language": "de", "word_times": True}), (b"sound", {"language": "en", "word_times": True}),
    ]  # fmt: skip


def test_a_path_that_cannot_be_read_costs_its_line_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The line fails at once, whatever it names; the recordings beside it are transcribed."""
    os.mkfifo(tmp_path / "pipe")
    os.symlink("loop", tmp_path / "loop")
    (tmp_path / "empty").touch()
    bad = {name: str(tmp_path / name) for name in ("pipe", "loop", "empty", "none")}
    bad |= {
        "folder": str(tmp_path), "device": "/dev/zero", "long": "/" + "x" * 300, "nul": "/a\0b", "no text": "/\ud800",
    }  # fmt: skip
    recordings = [Recording(name, path) for name, path in bad.items()] + remote(10)
    _, made = spread_over(monkeypatch, tmp_path, recordings)
    assert {name: failure.code for name, failure in made.failed.items()} == dict.fromkeys(bad, "input_unreadable")
    assert made.figures.done == 10
    assert json.loads((tmp_path / "out/set-aside.json").read_text()).keys() == bad.keys()


@pytest.mark.parametrize("code", ["bad_request", "unauthorised", "engine_missing", "input_unreadable", "server_busy"])
def test_what_nodes_say_of_one_place_costs_its_line_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str
) -> None:
    """The same error ends the run where it is about all recordings."""

    def make(task: Task, node: str) -> Outcome:
        bad = task.recording.name == "0"
        error = HushdError(code, "No.", 1 if code == "server_busy" else None)
        return outcome(node, error=error, is_its_own=True) if bad else heard(task, node)

    _, made = spread_over(monkeypatch, tmp_path, remote(11), make)
    assert {name: failure.code for name, failure in made.failed.items()} == {"0": code}
    assert (made.figures.done, made.left_out) == (10, {})


@pytest.mark.parametrize(
    ("code", "is_its_own"), [("unauthorised", True), ("model_missing", False), ("bad_request", False)]
)
def test_what_all_recordings_would_fail_of_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, is_its_own: bool
) -> None:
    """Credentials or a model that no node has, and wrong options: no recording is set aside."""

    def make(task: Task, node: str) -> Outcome:
        return outcome(node, error=HushdError(code, "No node can."), is_its_own=is_its_own)

    with pytest.raises(HushdError, match="No node can"):
        spread_over(monkeypatch, tmp_path, remote(3), make, is_mixed=False)
    assert not (tmp_path / "out/set-aside.json").exists()


@pytest.mark.parametrize("names", [("a", "a.txt/b"), ("a.txt/b", "a")])
def test_two_names_that_would_share_a_path_are_both_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: tuple[str, str]
) -> None:
    """A disk may have a folder of a transcript's name: each has a path of its own."""
    recordings = [Recording(name, f"s3://a/{name}") for name in (*names, "c")]
    _, made = spread_over(monkeypatch, tmp_path, recordings)
    assert not made.failed
    assert made.figures.done == 3


def test_nodes_that_have_no_room_for_a_while_cost_no_recording(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They may say so more often than they may in a row; after a minute without a success the run ends."""
    from hushd_cluster import spread

    answers = 3 * spread.FRUITLESS
    tries = []

    def make(task: Task, node: str) -> Outcome:
        tries.append(task)
        busy = HushdError("server_busy", "The memory is taken.", retry_after_ms=1)
        return outcome(node, error=busy) if len(tries) <= answers else heard(task, node)

    _, made = spread_over(monkeypatch, tmp_path / "once", remote(10), make)
    assert (made.failed, len(tries)) == ({}, answers + 10)
    tries.clear()
    monkeypatch.setattr(spread, "FRUITLESS_S", 0.0)
    with pytest.raises(HushdError, match="The memory is taken"):
        spread_over(monkeypatch, tmp_path / "again", remote(10), make)


def test_a_recording_whose_nodes_all_die_is_set_aside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is set aside once Ray has sent it again in vain; the others go on."""

    def make(task: Task, node: str) -> Outcome:
        if task.recording.name == "0":
            raise import_module("ray.exceptions").NodeDiedError("gone")
        return heard(task, node)

    _, made = spread_over(monkeypatch, tmp_path, remote(3), make)
    assert {name: failure.code for name, failure in made.failed.items()} == {"0": "supervisor_lost"}
    assert made.figures.done == 2


def test_what_waits_for_a_node_that_is_gone_is_sent_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ray would keep it for ever: it may not go to the node at which it failed, and there is no other any more."""
    from hushd_cluster import session, spread

    monkeypatch.setattr(spread, "NODES_LOOK_INTERVAL_S", 0.0)
    tried: list[str] = []
    nodes = ["a", "b"]

    class Shrinking(Cluster):
        """A cluster whose node b goes once a recording waits for it, and which then ends what a runs."""

        def wait(self, references: list[int], *, timeout: float) -> tuple[list[int], list[int]]:
            waits = [each for each in references if self._running[each][1] == "b"]
            nodes[1:] = [] if waits else nodes[1:]
            ready = [each for each in references if each not in waits]
            return ready[:1], [each for each in references if each not in ready[:1]]

    def make(task: Task, node: str) -> Outcome:
        tried.append(node)
        failed = HushdError("worker_crashed", "It has crashed.")
        return outcome(node, error=failed) if len(tried) == 1 else heard(task, node)

    cluster = Shrinking(make)
    monkeypatch.setattr(spread, "ray", cluster)
    monkeypatch.setattr(session, "alive", lambda: [{"NodeID": node} for node in nodes])
    made = spread.Spread(remote(1), Outputs(str(tmp_path / "out"), "txt"), {}, is_mixed=True)
    made.run()
    assert (made.failed, tried) == ({}, ["a", "a"])
