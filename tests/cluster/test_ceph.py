"""A store of Ceph's: what a corpus needs of S3 holds of another implementation than moto's too."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd_cluster import store
from hushd_cluster.claim import Claim
from hushd_protocol.errors import HushdError
from support.ceph_store import CephStore, is_there

pytestmark = [
    pytest.mark.night,
    pytest.mark.skipif(find_spec("s3fs") is None or not is_there(), reason="radosgw, ceph-mon, ceph-osd or s3fs lack"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def ceph() -> Iterator[CephStore]:
    with CephStore() as ceph:
        yield ceph


@pytest.fixture
def folder(ceph: CephStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[store.Store]:
    """A folder of a bucket there."""
    import boto3

    for name, value in ceph.environment.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=ceph.url).create_bucket(Bucket="calls")
    yield store.opened("s3://calls/a")
    store.opened.cache_clear()


def test_a_file_is_written_once(folder: store.Store, tmp_path: Path) -> None:
    """By one of many at the same time; listed beyond a page, read whole, and removed."""
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda number: folder.create("race.txt", str(number).encode()), range(8)))
    assert sum(won) == 1
    assert folder.read("race.txt") == str(won.index(True)).encode()
    folder.replace("race.txt", b"again")
    assert folder.read("race.txt") == b"again"
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: folder.replace(f"many/{number:04}.wav", b"x" * number), range(1100)))
    folder.replace(".hushd/parts/a.json", b"{}")
    listed = {item.name: item.size for item in folder.items()}
    assert listed == {"race.txt": 5} | {f"many/{number:04}.wav": number for number in range(1100)}
    assert [item.name for item in folder.items(".hushd/parts")] == [".hushd/parts/a.json"]
    store.fetched(f"{folder.url}/many/0007.wav", tmp_path / "a.wav")
    assert (tmp_path / "a.wav").read_bytes() == b"x" * 7
    folder.remove("race.txt")
    folder.remove("race.txt")
    assert folder.read("race.txt") is None


def test_one_driver_holds_a_folder(folder: store.Store) -> None:
    """Another one is refused while it shows that it lives."""
    held = Claim(folder)
    held.take()
    with pytest.raises(HushdError, match="Another `hushd cluster transcribe`"):
        Claim(folder, wait=lambda _: held.beat()).take()
    held.release()
    assert folder.read(".hushd/driver.json") is None
