"""Folders that every node reaches: of a shared file system, of fsspec's memory, and of a server like S3."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd_cluster import store
from hushd_cluster.faults import retried
from hushd_cluster.store import ObjectStore, SharedFolder, Store
from hushd_protocol.errors import HushdError
from support.ports import free_port
from support.s3_server import BUCKET, S3Server

needs_fsspec = pytest.mark.skipif(find_spec("fsspec") is None, reason="the extra ray is not installed")
needs_moto = pytest.mark.skipif(
    find_spec("moto") is None or find_spec("s3fs") is None, reason="the extra ray-tests is not installed"
)


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    """A server like S3, whose credentials are in this process's environment."""
    with S3Server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture
def at_server(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    yield server
    for fault in ("busy 0", "half 0", "slow 0"):
        server.tell(fault)


@pytest.fixture(
    params=["file", pytest.param("memory", marks=needs_fsspec), pytest.param("s3", marks=needs_moto)],
)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A folder of its own in each kind of store."""
    if request.param == "file":
        return SharedFolder(f"file://{tmp_path}/the%20texts")
    if request.param == "memory":
        return store.opened(f"memory:/{tmp_path}")
    request.getfixturevalue("at_server")
    return store.opened(f"s3://{BUCKET}/{tmp_path.name}")


def names(folder: Store, below: str = "") -> list[str]:
    try:
        return sorted(item.name for item in folder.items(below))
    except FileNotFoundError:
        return []


def test_what_was_written_can_be_read_and_listed(folder: Store) -> None:
    """With its time; hidden files are listed by its own name alone."""
    assert names(folder) == []
    folder.replace("a.txt", b"one")
    folder.replace("b/c d/é.txt", b"two!")
    folder.replace(".hushd/driver.json", b"{}")
    folder.replace(".hushd/parts/b/x.json", b"{}")
    folder.replace("b/.hidden/x", b"")
    assert names(folder) == ["a.txt", "b/c d/é.txt"]
    assert names(folder, ".hushd/parts") == [".hushd/parts/b/x.json"]
    assert folder.read("b/c d/é.txt") == b"two!"
    assert folder.read("none") is None
    (item,) = [item for item in folder.items() if item.name == "a.txt"]
    assert item.written > 1e18
    folder.remove("a.txt")
    folder.remove("a.txt")
    assert names(folder) == ["b/c d/é.txt"]


def test_a_file_is_created_once(folder: Store) -> None:
    """Whoever comes second leaves it alone; `replace` does not."""
    assert folder.create("b/a.txt", b"first")
    assert not folder.create("b/a.txt", b"second")
    assert folder.read("b/a.txt") == b"first"
    folder.replace("b/a.txt", b"third")
    assert folder.read("b/a.txt") == b"third"


def test_of_many_who_create_at_once_one_does(folder: Store) -> None:
    """And the file is that one's, whole."""
    created: list[int] = []
    start = threading.Barrier(8)

    def create(number: int) -> None:
        start.wait()
        if folder.create("race.txt", bytes([number]) * 100_000):
            created.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if type(folder) is ObjectStore:  # memory's `create` looks first, and then writes: only the last one is seen
        assert created
    else:
        assert len(created) == 1
        assert folder.read("race.txt") == bytes(created) * 100_000


def test_a_shared_folder_never_has_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where links are unknown; and a full disk leaves nothing behind."""
    shared = SharedFolder(f"file://{tmp_path}")

    def no_link(*_: object) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", no_link)
    assert shared.create("a", b"one")
    assert not shared.create("a", b"two")
    assert os.listdir(tmp_path) == ["a"]

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HushdError, match="No space left") as raised:
        shared.replace("a", b"three")
    assert raised.value.code == "output_failed"
    assert os.listdir(tmp_path) == ["a"]
    assert shared.read("a") == b"one"


def test_a_name_that_a_shared_folder_cannot_have_is_an_error_of_that_name(tmp_path: Path) -> None:
    """And never taken for a file that is there already."""
    shared = SharedFolder(f"file://{tmp_path}")
    shared.replace("a.txt", b"one")
    shared.replace("b.txt/c.txt", b"two")
    os.symlink("loop", tmp_path / "loop")
    for name in ("a.txt/c.txt", "a.txt/c/d.txt", "b.txt", "x" * 300, "loop/a.txt"):
        for write in (shared.create, shared.replace):
            with pytest.raises(HushdError) as raised:
                write(name, b"three")
            assert raised.value.code == "bad_request", name
    shared.replace("ж" * 120, b"a name of 240 bytes")
    assert not shared.create("a.txt", b"two")


@needs_moto
def test_a_thousand_files_take_a_request(at_server: S3Server) -> None:
    """Transcripts that exist are known by listing in bulk."""
    folder = store.opened(f"s3://{BUCKET}/fill")
    at_server.tell("fill 1100")
    before = at_server.count()
    assert names(folder) == [f"{number:07}.txt" for number in range(1100)]
    assert at_server.count()["GET"] - before["GET"] == 2
    assert at_server.count().get("HEAD", 0) == before.get("HEAD", 0)


@needs_moto
def test_a_file_comes_whole_or_not_at_all(at_server: S3Server, tmp_path: Path) -> None:
    """Though the server sends halves, and says that it is busy."""
    folder = store.opened(f"s3://{BUCKET}/whole")
    data = os.urandom(200_000)
    folder.replace("a.wav", data)
    at_server.tell("half 1")
    at_server.tell("busy 1")
    retried(lambda: store.fetched(f"s3://{BUCKET}/whole/a.wav", tmp_path / "a.wav"), lambda _: None, 3)
    assert (tmp_path / "a.wav").read_bytes() == data
    with pytest.raises(FileNotFoundError):
        store.fetched(f"s3://{BUCKET}/whole/none.wav", tmp_path / "b.wav")


@needs_moto
def test_a_store_that_stays_busy_is_an_error_that_says_so(at_server: S3Server) -> None:
    """After the library's own attempts; it is nobody's fault, and worth another try later."""
    folder = store.opened(f"s3://{BUCKET}/busy")
    at_server.tell("busy 1000")
    with pytest.raises(HushdError, match=rf"^s3://{BUCKET}/busy does not answer \(.*reduce") as raised:
        folder.create("a.txt", b"x")
    assert raised.value.code == "server_busy"
    assert raised.value.retry_after_ms
    at_server.tell("busy 0")
    assert folder.create("a.txt", b"x")


@needs_fsspec
@pytest.mark.parametrize(
    ("url", "code", "sentence"),
    [
        ("nonsense://a/b", "bad_request", "nonsense://a/b cannot be used"),
        ("https://host/texts", "bad_request", "Nothing can be written to https://host/texts"),
        ("s3://key:secret@bucket/a", "bad_request", "s3://key@bucket/a was given with a password"),
        ("s3://[", "bad_request", "is not a URL"),
    ],
)
def test_places_that_make_no_sense(url: str, code: str, sentence: str) -> None:
    """They are refused in one sentence, which has no secret."""

    def use() -> None:
        store.check_target(url)
        store.opened(url)

    with pytest.raises(HushdError) as raised:
        use()
    assert raised.value.code == code
    assert sentence in raised.value.message
    assert "secret" not in raised.value.message


class Pages(BaseHTTPRequestHandler):
    """Recordings by HTTP: one that is there, and some that are not, or not for everybody."""

    def do_GET(self) -> None:
        name, _, query = self.path.strip("/").partition("?")
        status = {"a.wav": 200, "none.wav": 404, "busy.wav": 503}.get(name, 403)
        body = b"sound" if status == 200 and query == "signature=secret" else b""
        self.send_response(status if body or status != 200 else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def pages() -> Iterator[str]:
    """The URL of a server of pages."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@needs_fsspec
@pytest.mark.skipif(find_spec("aiohttp") is None, reason="the extra ray is not installed")
def test_a_recording_comes_by_http(pages: str, tmp_path: Path) -> None:
    """With its signature, which no error shows; a refusal is the recording's fault, and a busy server nobody's."""
    store.fetched(f"{pages}/a.wav?signature=secret", tmp_path / "a.wav")
    assert (tmp_path / "a.wav").read_bytes() == b"sound"
    with pytest.raises(FileNotFoundError):
        store.fetched(f"{pages}/none.wav?signature=secret", tmp_path / "b.wav")
    codes = {}
    for name in ("a.wav?signature=secreter", "private.wav?signature=secret", "busy.wav?signature=secret"):
        with pytest.raises(HushdError) as raised:
            store.fetched(f"{pages}/{name}", tmp_path / "c.wav")
        assert "secret" not in raised.value.message
        codes[name.partition(".")[0]] = raised.value.code
    assert codes == {"a": "input_unreadable", "private": "input_unreadable", "busy": "server_busy"}
    with pytest.raises(HushdError, match=r"^http://127\.0\.0\.1:\d+/a\.wav does not answer") as raised:
        store.fetched(f"http://127.0.0.1:{free_port()}/a.wav", tmp_path / "d.wav")
    assert raised.value.code == "server_busy"
