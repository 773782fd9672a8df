"""A driver holds a part of a corpus, hands out and keeps; without a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_cluster.corpus import Corpus
from hushd_protocol.errors import HushdError

if TYPE_CHECKING:
    from hushd_cluster.spread import Outcome, Spread

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed"),
    pytest.mark.usefixtures("ray"),
]
ROOM = 1000.0  # bytes


class Cluster:
    """Two nodes in place of Ray's, which end one task a round; `make` says what a node makes of a name."""

    def __init__(self, make: Callable[[str, str], Outcome]) -> None:
        self.exceptions = import_module("ray.exceptions")
        self._make = make
        self._sizes: dict[str, int] = {}
        self.most = 0  # bytes on their way or at work at once
        self.selectors: dict[str, list[Any]] = {}

    def remote(self, **_: Any) -> Callable[[Any], Any]:
        return lambda function: SimpleNamespace(options=self._options)

    def _options(self, label_selector: dict[str, str] | None) -> Any:
        def send(data: Any, name: str, options: Any) -> str:
            self._sizes[name] = len(data.raw())
            self.most = max(self.most, sum(self._sizes.values()))
            self.selectors.setdefault(name, []).append(label_selector)
            return name

        return SimpleNamespace(remote=send)

    def put(self, data: Any) -> Any:
        return data

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1000.0}

    def wait(self, running: list[str], *, timeout: float, num_returns: int = 1) -> tuple[list[str], list[str]]:
        return (running[:1], running[1:]) if timeout else ([], running)

    def get(self, name: str) -> Outcome:
        del self._sizes[name]
        tried = self.selectors[name][-1]
        return self._make(name, "b" if tried and "a" in tried["ray.io/node-id"] else "a")


def outcome(node: str, *fields: Any, **more: Any) -> Outcome:
    """Returns the outcome of a recording on a node."""
    from hushd_cluster.spread import Outcome

    return Outcome(node, node, *fields, **more)


def heard(name: str, node: str) -> Outcome:
    return outcome(node, Transcript((Segment(0, 0.0, 1.0, name),)))


def run(
    monkeypatch: pytest.MonkeyPatch, folder: Path, sizes: list[int], make: Callable[[str, str], Outcome] = heard
) -> tuple[Cluster, Spread]:
    """Spreads recordings of these sizes; returns the cluster and the run."""
    from hushd_cluster import spread

    (folder / "in").mkdir()
    for number, size in enumerate(sizes):
        (folder / f"in/{number:03}.wav").write_bytes(bytes(size))
    cluster = Cluster(make)
    monkeypatch.setattr(spread, "ray", cluster)
    monkeypatch.setattr(spread, "_store_bytes", lambda: ROOM / spread.STORE_SHARE)
    monkeypatch.setattr(spread.session, "alive", lambda: [{"NodeID": "a"}, {"NodeID": "b"}])
    corpus = Corpus(str(folder / "in"), str(folder / "out"), "txt")
    made = spread.Spread(corpus, [name for name, _ in corpus.found()], {})
    made.run()
    return cluster, made


def test_the_driver_holds_no_more_than_its_share_of_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """However many CPUs there are; a recording that is larger than all the room travels alone."""
    sizes = [300] * 40 + [5000] + [7] * 40
    cluster, made = run(monkeypatch, tmp_path, [size for size in sizes if size < ROOM])
    assert cluster.most <= ROOM
    assert made.failed == {}
    alone = tmp_path / "large"
    alone.mkdir()
    cluster, _ = run(monkeypatch, alone, sizes)
    assert cluster.most == 5000
    assert len(list((alone / "out").glob("*.txt"))) == len(sizes)


def test_a_recording_goes_to_another_node_after_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The second try avoids the node of the first."""

    def make(name: str, node: str) -> Outcome:
        sick = name == "001.wav" and node == "a"
        return outcome(node, error=HushdError("worker_failed", "No.")) if sick else heard(name, node)

    cluster, made = run(monkeypatch, tmp_path, [5, 5, 5], make)
    assert (made.failed, made.left_out) == ({}, {})
    assert cluster.selectors["001.wav"] == [None, {"ray.io/node-id": "!in(a)"}]


def test_what_could_be_read_of_a_recording_that_is_cut_off_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As `listen` keeps it: the transcript of the part, and the reason on the list."""

    def make(name: str, node: str) -> Outcome:
        whole = heard(name, node)
        broken = HushdError("input_unreadable", "It is cut off.", detail={"read_s": 1.0})
        return outcome(node, whole.transcript, broken) if name == "000.wav" else whole

    _, made = run(monkeypatch, tmp_path, [5, 5], make)
    assert (tmp_path / "out/000.wav.txt").read_text() == "000.wav\n"
    assert made.failed["000.wav"].code == "input_unreadable"
    assert list(json.loads((tmp_path / "out/set-aside.json").read_text())) == ["000.wav"]
