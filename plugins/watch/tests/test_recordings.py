"""Recordings that wait, and the record of those that were heard."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_watch.recordings import BATCH_SIZE, FIRST_RETRY_S, LAST_RETRY_S, QUIET_S, Ledger, Queue


def test_a_recording_waits_until_it_is_quiet() -> None:
    """Each change has it wait anew, and nothing else wakes the process."""
    queue = Queue()
    assert queue.wake_at() == math.inf
    queue.changed("a/x.wav", 10.0)
    queue.changed("a/x.wav", 11.0)
    assert queue.next_batch(12.9) == []
    assert queue.wake_at() == 11.0 + QUIET_S
    assert (queue.next_batch(13.0), queue.next_batch(99.0), queue.wake_at()) == (["a/x.wav"], [], math.inf)


def test_a_batch_is_of_one_folder_in_the_order_of_arrival() -> None:
    """Transcripts of a batch go to one place, and no recording is lost or taken twice."""
    queue = Queue()
    for n in range(3 * BATCH_SIZE):
        queue.changed(f"{n % 2}/{n}.wav", n / 1000)
    batches = [queue.next_batch(50.0) for _ in range(5)]
    assert [len(batch) for batch in batches] == [BATCH_SIZE, BATCH_SIZE, BATCH_SIZE // 2, BATCH_SIZE // 2, 0]
    assert all(len({path[0] for path in batch}) == 1 for batch in batches[:4])
    assert len({path for batch in batches for path in batch}) == 3 * BATCH_SIZE
    assert batches[0] == [f"0/{n}.wav" for n in range(0, 2 * BATCH_SIZE, 2)]


def test_a_recording_that_changes_waits_behind_the_others() -> None:
    """The batch is in the order in which recordings have come to rest."""
    queue = Queue()
    for path, now in (("a/x.wav", 1.0), ("a/y.wav", 2.0), ("a/x.wav", 3.0)):
        queue.changed(path, now)
    assert queue.next_batch(9.0) == ["a/y.wav", "a/x.wav"]


def test_failures_of_the_machine_are_tried_again_ever_later() -> None:
    """All wait meanwhile, the failed ones behind the others, and one at a time, so that one that fails all the time
    stops no other; a batch without a failure ends that."""
    queue = Queue()
    waits = [queue.again(["a/x.wav"], 0.0) for _ in range(7)]
    assert waits == [FIRST_RETRY_S, 60.0, 120.0, 240.0, 480.0, LAST_RETRY_S, LAST_RETRY_S]
    queue = Queue()
    queue.changed("a/y.wav", -9.0)
    queue.again(["a/x.wav"], 0.0)
    assert (queue.next_batch(FIRST_RETRY_S - 1), queue.wake_at()) == ([], FIRST_RETRY_S)
    assert queue.next_batch(FIRST_RETRY_S) == ["a/y.wav"]
    queue.changed("a/z.wav", 30.0)
    assert (queue.again([], 40.0), queue.next_batch(40.0)) == (0.0, ["a/x.wav", "a/z.wav"])
    assert queue.again(["a/x.wav"], 40.0) == FIRST_RETRY_S


def test_a_record_is_read_by_the_next_start(runtime: Path, tmp_path: Path) -> None:
    """Names of any bytes come back, the last signature counts, and neither half a line that a power failure left
    nor another program's harms one."""
    folder = str(tmp_path)
    names = ["a.wav", "b/ü\n.wav", "\udcff.wav"]
    first = Ledger(folder, folder)
    for n, name in enumerate(names):
        first.add(f"{folder}/{name}", (n, n))
    first.add(f"{folder}/a.wav", (7, 7))
    first.close()
    (path,) = (runtime / "state/watched").iterdir()
    with open(path, "ab") as file:
        file.write(b'\n5\nnull\n{}\n[[], 1, 2]\n["a.wav", 1]\n\xff\n["half')
    second = Ledger(folder, folder)
    second.add(f"{folder}/c.wav", (8, 8))
    second.close()
    third = Ledger(folder, folder)
    found = [third.signature(f"{folder}/{name}") for name in [*names, "c.wav", "half"]]
    assert found == [(7, 7), (1, 1), (2, 2), (8, 8), None]
    third.close()


def test_a_folder_has_one_watcher_for_a_place(runtime: Path, tmp_path: Path) -> None:
    """A second one is refused, however the folder is named; transcripts elsewhere are another matter."""
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    first = Ledger(f"{tmp_path}/in", f"{tmp_path}/in")
    with pytest.raises(HushdError, match="Another `hushd watch` watches"):
        Ledger(f"{tmp_path}/link", f"{tmp_path}/in/")
    Ledger(f"{tmp_path}/in", f"{tmp_path}/out").close()
    first.close()
