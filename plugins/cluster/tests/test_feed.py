"""The recordings that are left, found ahead of the driver."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_cluster import feed as feed_module
from hushd_cluster.feed import Feed
from hushd_cluster.outputs import Failure, Outputs, Stored
from hushd_cluster.recording import Recording
from hushd_cluster.sources import Source
from hushd_protocol.errors import HushdError
from support.peer import wait_until

SAID = Transcript((Segment(0, 0.0, 1.0, "Hello."),))


class Corpus(Source):
    """Recordings by their names; at `None` it fails."""

    def __init__(self, *names: str | None, total: int | None = None) -> None:
        super().__init__(total)
        self._names = names
        self.read = 0

    def recordings(self, outputs: Outputs) -> Iterator[Recording]:
        for name in self._names:
            if name is None:
                raise HushdError("input_unreadable", "The corpus is gone.")
            self.read += 1
            yield Recording(name, f"s3://a/{name}")


def transcripts(folder: Path, *done: str) -> Stored:
    made = Stored(f"file://{folder}", "txt")
    for name in done:
        made.save(name, SAID)
    return made


def all_of(feed: Feed) -> list[str]:
    """Begins a feed and takes all that it gives."""
    feed.begin()
    names = []
    while not feed.has_ended:
        if recording := feed.take():
            names.append(recording.name)
        else:
            feed._thread.join(0.01)
    return names


def test_what_is_done_or_set_aside_is_passed_over(tmp_path: Path) -> None:
    """And counted; `retry` tries again those set aside."""
    made = transcripts(tmp_path, "b", "d")
    made.set_aside = {"c": Failure("poison_request", "It kills.", 5, 3), "x": Failure("model_missing", "No.", 6, 1)}
    feed = Feed(Corpus(*"abcde"), made, retry=False)
    assert all_of(feed) == ["a", "e"]
    assert (feed.given, feed.done_before, feed.passed, feed.passed_exit, feed.total) == (2, 2, 1, 5, 2)
    feed = Feed(Corpus(*"abcde"), made, retry=True)
    assert all_of(feed) == ["a", "c", "e"]
    assert (feed.passed, feed.passed_exit) == (0, 0)


def test_a_part_and_an_old_transcript_are_told(tmp_path: Path) -> None:
    """So that a node looks for the one, and replaces the other."""
    made = transcripts(tmp_path, "old")
    (tmp_path / ".hushd/parts").mkdir(parents=True)
    (tmp_path / ".hushd/parts/begun.json").touch()

    class Changed(Corpus):
        def recordings(self, outputs: Outputs) -> Iterator[Recording]:
            for name in ("new", "begun", "old"):
                yield Recording(name, f"s3://a/{name}", written=2**62)

    found = {each.name: (each.is_begun, each.is_stale) for each in Feed(Changed(), made, retry=False).left()}
    assert found == {"new": (False, False), "begun": (True, False), "old": (False, True)}


def test_a_corpus_of_any_length_is_read_a_little_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no further, until the driver takes more, or ends."""
    monkeypatch.setattr(feed_module, "AHEAD", 10)
    corpus = Corpus(*map(str, range(1000)), total=1000)
    feed = Feed(corpus, transcripts(tmp_path), retry=False)
    feed.begin()
    wait_until(feed._ready.full, "ten recordings")
    assert feed.total == 1000
    assert corpus.read <= 11
    assert feed.take() is not None
    feed.close()
    feed._thread.join(30)
    assert not feed._thread.is_alive()
    assert corpus.read <= 12
