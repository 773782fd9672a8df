"""A driver holds a part of a corpus, hands out and keeps; without a cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import Future
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_cluster import outputs, sources
from hushd_cluster.feed import Feed
from hushd_protocol.errors import HushdError

if TYPE_CHECKING:
    from hushd_cluster.attempt import Task
    from hushd_cluster.spread import Spread
    from hushd_cluster.task import Outcome

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed"),
    pytest.mark.usefixtures("ray"),
]
ROOM = 1000.0  # bytes


class Cluster:
    """Two nodes in place of Ray's, which end one task a round; `make` says what a node makes of a task."""

    def __init__(self, make: Callable[[Task, str], Outcome]) -> None:
        self.exceptions = import_module("ray.exceptions")
        self._make = make
        self._running: list[tuple[Task, Any, int, Future[Outcome]]] = []
        self.most = 0  # bytes on their way or at work at once
        self.most_tasks = 0
        self.selectors: dict[str, list[Any]] = {}
        self.tasks: list[Task] = []
        self.cleared: list[Any] = []

    def remote(self, **_: Any) -> Callable[[Any], Any]:
        return lambda function: SimpleNamespace(options=self._options)

    def _options(self, label_selector: dict[str, str] | None) -> Any:
        def send(*given: Any) -> Any:
            if not given:  # the nodes' copies are to be removed
                self.cleared.append(label_selector)
                return None
            data, task = given
            future: Future[Outcome] = Future()
            self._running.append((task, label_selector, len(data.raw()) if data else 0, future))
            self.most = max(self.most, sum(size for _, _, size, _ in self._running))
            self.most_tasks = max(self.most_tasks, len(self._running))
            self.selectors.setdefault(task.recording.name, []).append(label_selector)
            self.tasks.append(task)
            return SimpleReference(future)

        return SimpleNamespace(remote=send)

    def put(self, data: Any) -> Any:
        return data

    def wait(self, asked: list[Any], *, num_returns: int, timeout: float) -> None:
        assert len(asked) == num_returns

    def cancel(self, reference: Any, *, force: bool) -> None:
        pass

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1000.0}

    def end_one(self) -> None:
        """Ends the oldest task."""
        if self._running:
            task, selector, _, future = self._running.pop(0)
            node = "b" if selector and "a" in selector["ray.io/node-id"] else "a"
            try:
                future.set_result(self._make(task, node))
            except self.exceptions.RayError as error:
                future.set_exception(error)


class SimpleReference:
    """The reference to a result that is to come."""

    def __init__(self, future: Future[Outcome]) -> None:
        self._future = future

    def future(self) -> Future[Outcome]:
        return self._future


def outcome(node: str, *fields: Any, **more: Any) -> Outcome:
    """Returns the outcome of a recording on a node."""
    from hushd_cluster.task import Outcome

    return Outcome(node, node, *fields, **more)


def heard(task: Task, node: str) -> Outcome:
    return outcome(node, Transcript((Segment(0, 0.0, 1.0, task.recording.name),)), sound_s=1.0, work_s=0.5)


def spread_over(
    monkeypatch: pytest.MonkeyPatch,
    source: sources.Source,
    target: Path,
    make: Callable[[Task, str], Outcome] = heard,
    options: dict[str, Any] | None = None,
    stretch_s: float = 0.0,
) -> tuple[Cluster, Spread]:
    """Spreads a corpus; returns the cluster and the run."""
    from hushd_cluster import spread

    cluster = Cluster(make)
    monkeypatch.setattr(spread, "ray", cluster)
    monkeypatch.setattr(spread, "_store_bytes", lambda: ROOM / spread.STORE_SHARE)
    monkeypatch.setattr(spread.session, "alive", lambda: [{"NodeID": "a"}, {"NodeID": "b"}])
    transcripts = outputs.Disk(str(target), "txt")
    made = spread.Spread(Feed(source, transcripts, retry=False), transcripts, options or {}, stretch_s=stretch_s)
    wait = made._ended

    def end_one() -> list[tuple[Any, Outcome]]:
        cluster.end_one()
        return wait()

    monkeypatch.setattr(made, "_ended", end_one)
    made.run()
    transcripts.keep()
    return cluster, made


def run(
    monkeypatch: pytest.MonkeyPatch, folder: Path, sizes: list[int], make: Callable[[Task, str], Outcome] = heard
) -> tuple[Cluster, Spread]:
    """Spreads recordings of these sizes on the driver's disk."""
    (folder / "in").mkdir()
    for number, size in enumerate(sizes):
        (folder / f"in/{number:03}.wav").write_bytes(bytes(size))
    return spread_over(monkeypatch, sources.Disk(str(folder / "in"), str(folder / "out")), folder / "out", make)


def test_a_recording_goes_to_another_node_after_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The second try avoids the node of the first."""

    def make(task: Task, node: str) -> Outcome:
        sick = task.recording.name == "001.wav" and node == "a"
        return outcome(node, error=HushdError("worker_failed", "No.")) if sick else heard(task, node)

    cluster, made = run(monkeypatch, tmp_path, [5, 5, 5], make)
    assert (made.failed, made.left_out) == ({}, {})
    assert cluster.selectors["001.wav"] == [None, {"ray.io/node-id": "!in(a)"}]
    figures = made.figures
    assert (figures.done, figures.set_aside, figures.sound_s, figures.total) == (3, 0, 3.0, 3)
    assert {name: node.recordings for name, node in figures.nodes.items()} == {"a": 2, "b": 1}


def test_what_could_be_read_of_a_recording_that_is_cut_off_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As `listen` keeps it: the transcript of the part, and the reason on the list."""

    def make(task: Task, node: str) -> Outcome:
        whole = heard(task, node)
        broken = HushdError("input_unreadable", "It is cut off.", detail={"read_s": 1.0})
        return outcome(node, whole.transcript, broken) if task.recording.name == "000.wav" else whole

    _, made = run(monkeypatch, tmp_path, [5, 5], make)
    assert (tmp_path / "out/000.wav.txt").read_text() == "000.wav\n"
    assert made.failed["000.wav"].code == "input_unreadable"
    assert list(json.loads((tmp_path / "out/set-aside.json").read_text())) == ["000.wav"]


def manifest(folder: Path, *rows: dict[str, Any]) -> sources.Manifest:
    """Writes a manifest; its ids are numbers from 0 on."""
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps({"id": f"{n}", **row}) + "\n" for n, row in enumerate(rows)))
    return sources.Manifest(str(path))


def test_a_url_travels_alone_and_a_path_with_its_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each recording of a manifest with its own options, which go before the command's."""
    (tmp_path / "b.wav").write_bytes(b"sound")
    rows = [
        {"url": "s3://a/b.wav", "language": "de"},
        {"url": str(tmp_path / "b.wav")},
        {"url": str(tmp_path / "none")},
    ]
    cluster, made = spread_over(
        monkeypatch, manifest(tmp_path, *rows), tmp_path / "out", options={"language": "en", "word_times": True}
    )
    assert [task.options for task in cluster.tasks] == [
        {"language": "de", "word_times": True}, {"language": "en", "word_times": True},
    ]  # fmt: skip
    assert cluster.most == 5
    assert made.failed["2"].message == "'2' cannot be read (No such file or directory)."


def places(folder: Path) -> dict[str, str]:
    """Makes places that hold no recording; returns their paths by kind."""
    os.mkfifo(folder / "pipe")
    os.symlink("loop", folder / "loop")
    (folder / "empty").touch()
    paths = {name: str(folder / name) for name in ("pipe", "loop", "empty", "none")}
    paths |= {"folder": str(folder), "device": "/dev/zero", "long": "/" + "x" * 300}
    return paths | {"nul": "/a\0b", "no text": "/\ud800"}


def test_a_place_that_cannot_be_read_costs_its_line_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """At once, whatever it is; the recordings beside it are transcribed."""
    (tmp_path / "good.wav").write_bytes(b"sound")
    bad = places(tmp_path)
    rows = [{"url": path, "id": name} for name, path in bad.items()]
    rows += [{"url": str(tmp_path / "good.wav"), "id": f"good{number}"} for number in range(10)]
    _, made = spread_over(monkeypatch, manifest(tmp_path, *rows), tmp_path / "out")
    assert {name: failure.code for name, failure in made.failed.items()} == dict.fromkeys(bad, "input_unreadable")
    assert made.figures.done == 10
    assert json.loads((tmp_path / "out/set-aside.json").read_text()).keys() == bad.keys()


@pytest.mark.parametrize("code", ["bad_request", "unauthorised", "engine_missing", "input_unreadable", "worker_failed"])
def test_what_nodes_say_of_one_place_costs_its_line_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str
) -> None:
    """Though the same error ends the run where it is about all recordings."""

    def make(task: Task, node: str) -> Outcome:
        bad = task.recording.name == "0"
        return outcome(node, error=HushdError(code, "No."), is_its_own=True) if bad else heard(task, node)

    rows = [{"url": f"s3://a/{number}"} for number in range(11)]
    _, made = spread_over(monkeypatch, manifest(tmp_path, *rows), tmp_path / "out", make)
    assert {name: failure.code for name, failure in made.failed.items()} == {"0": code}
    assert (made.figures.done, made.left_out) == (10, {})


def test_credentials_that_no_node_has_for_the_whole_corpus_end_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its place is the command's and not a line's: no recording is set aside."""

    def make(task: Task, node: str) -> Outcome:
        return outcome(node, error=HushdError("unauthorised", "It asks for credentials."), is_its_own=True)

    (tmp_path / "a.wav").touch()
    with pytest.raises(HushdError, match="asks for credentials"):
        spread_over(monkeypatch, sources.Listed(f"file://{tmp_path}"), tmp_path / "out", make)
    assert not (tmp_path / "out/set-aside.json").exists()


@pytest.mark.parametrize("names", [("a", "a.txt/b"), ("a.txt/b", "a")])
def test_of_two_names_that_exclude_each_other_one_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: tuple[str, str]
) -> None:
    """On a disk a transcript of the name of a folder; the other one is set aside."""
    rows = [{"url": f"s3://a/{name}", "id": name} for name in (*names, "c")]
    _, made = spread_over(monkeypatch, manifest(tmp_path, *rows), tmp_path / "out")
    assert {name: failure.code for name, failure in made.failed.items()} == {names[1]: "bad_request"}
    assert made.figures.done == 2


def test_a_place_that_does_not_answer_is_tried_again_at_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For a while, and then set aside; a place that answers by then costs nothing."""
    from hushd_cluster import spread

    tries: list[str] = []

    def make(task: Task, node: str) -> Outcome:
        tries.append(name := task.recording.name)
        silent = name == "0" or (name == "1" and tries.count("1") == 1)
        busy = HushdError("server_busy", "http://a does not answer.", retry_after_ms=1)
        return outcome(node, error=busy, is_its_own=True) if silent else heard(task, node)

    monkeypatch.setattr(spread, "FRUITLESS_S", 0.0)
    rows = [{"url": f"http://a/{number}"} for number in range(12)]
    _, made = spread_over(monkeypatch, manifest(tmp_path, *rows), tmp_path / "out", make)
    assert {name: failure.exit for name, failure in made.failed.items()} == {"0": 7}
    assert made.figures.done == 11
    assert tries.index("11") < len(tries) - 2 - tries[::-1].index("1")


def test_a_store_that_is_busy_for_a_while_costs_no_recording(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Though it says so more often than nodes may fail in a row; after a minute without a success the run ends."""
    from hushd_cluster import spread

    answers = 3 * spread.FRUITLESS
    tries = []

    def make(task: Task, node: str) -> Outcome:
        tries.append(task)
        busy = HushdError("server_busy", "s3://a does not answer.", retry_after_ms=1)
        return outcome(node, error=busy) if len(tries) <= answers else heard(task, node)

    rows = [{"url": f"s3://a/{number}"} for number in range(10)]
    _, made = spread_over(monkeypatch, manifest(tmp_path, *rows), tmp_path / "out", make)
    assert (made.failed, len(tries)) == ({}, answers + 10)
    tries.clear()
    monkeypatch.setattr(spread, "FRUITLESS_S", 0.0)
    with pytest.raises(HushdError, match="s3://a does not answer"):
        spread_over(monkeypatch, manifest(tmp_path, *rows), tmp_path / "again", make)


def test_a_task_lost_with_its_node_is_sent_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever Ray calls it."""
    lost = []

    def make(task: Task, node: str) -> Outcome:
        if not lost:
            lost.append(task)
            raise import_module("ray.exceptions").NodeDiedError("gone")
        return heard(task, node)

    _, made = run(monkeypatch, tmp_path, [5, 5], make)
    assert made.failed == {}
    assert len(list((tmp_path / "out").glob("*.txt"))) == 2


def test_a_node_that_leaves_gets_nothing_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """While there are others; what it hands back costs no attempt, and it is not called sick."""
    from hushd_cluster import spread

    def make(task: Task, node: str) -> Outcome:
        left = outcome(node, error=HushdError("shutting_down", "It leaves."), leaves=True)
        return left if node == "a" else heard(task, node)

    monkeypatch.setattr(spread, "AHEAD", 0.002)
    rows = [{"url": f"s3://a/{number}"} for number in range(20)]
    cluster, made = spread_over(monkeypatch, manifest(tmp_path, *rows), tmp_path / "out", make)
    assert (made.failed, made.left_out, made.figures.done) == ({}, {}, 20)
    assert sum(selectors[0] is None for selectors in cluster.selectors.values()) <= 2


def long(task: Task, node: str) -> Outcome:
    """A node's outcome of a recording that is long, of a stretch, and of the joint."""
    recording = task.recording
    if recording.stretch is None and not recording.joint and recording.name == "0":
        return outcome(node, long_s=7200.0, language="de")
    return outcome(node, sound_s=1200.0 if recording.stretch else 0.0, work_s=1.0)


def test_a_long_recording_goes_to_many_nodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In stretches, in the language that its begin has, and is joined once all are there; it is one recording."""
    rows = [{"url": "s3://a/long"}, {"url": "s3://a/short"}]
    cluster, made = spread_over(monkeypatch, manifest(tmp_path, *rows), tmp_path / "out", long, stretch_s=1200.0)
    of_long = [task for task in cluster.tasks if task.recording.name == "0"]
    numbers = [task.recording.stretch.number for task in of_long if task.recording.stretch]
    assert numbers == list(range(6))
    assert [task.options.get("language") for task in of_long] == [None, *["de"] * 7]
    assert len(of_long[-1].recording.joint) == 6
    assert {task.run for task in cluster.tasks} == {cluster.tasks[0].run}
    assert len(cluster.cleared) == len(made._alive) > 0
    figures = made.figures
    assert (figures.done, figures.sound_s, figures.set_aside) == (2, 7200.0, 0)
