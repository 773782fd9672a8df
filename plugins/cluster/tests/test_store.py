"""Folders that every node reaches: of a shared file system, of fsspec's memory, and of a server like S3."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd_cluster import store
from hushd_cluster.faults import retried
from hushd_cluster.store import Folder, Objects
from hushd_protocol.errors import HushdError
from support.ports import free_port, served
from support.refusals import hushd_error

from .s3_server import BUCKET, S3Server

needs_fsspec = pytest.mark.skipif(find_spec("fsspec") is None, reason="the extra ray is not installed")


@pytest.fixture(params=["file", pytest.param("memory", marks=needs_fsspec), "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The place of a folder of its own in each kind of store."""
    if request.param == "file":
        return f"file://{tmp_path}/the%20texts"
    if request.param == "memory":
        return f"memory:/{tmp_path}"
    request.getfixturevalue("at_server")
    return f"s3://{BUCKET}/{tmp_path.name}"


def test_what_was_written_can_be_read_and_is_known(place: str) -> None:
    """Its time is known, too; a second writer replaces it."""
    folder = store.opened(place)
    assert (folder.written("a.txt"), folder.read("none")) == (None, None)
    folder.write("a.txt", b"one")
    folder.write("b/c d/é.txt", b"two!")
    folder.write("a.txt", b"three")
    again = store.opened(place)
    assert (again.read("a.txt"), again.read("b/c d/é.txt")) == (b"three", b"two!")
    for name in ("a.txt", "b/c d/é.txt"):
        assert (again.written(name) or 0) > 1e18


def test_a_folder_never_has_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves nothing behind, and the old file."""
    folder = Folder(str(tmp_path))
    folder.write("a", b"one")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with hushd_error("output_failed", "No space left"):
        folder.write("a", b"three")
    assert os.listdir(tmp_path) == ["a"]
    assert folder.read("a") == b"one"


def test_a_name_that_a_folder_cannot_have_is_an_error_of_that_name(tmp_path: Path) -> None:
    """The error is not the machine's, which would be left out."""
    folder = Folder(str(tmp_path))
    folder.write("a.txt", b"one")
    folder.write("b.txt/c.txt", b"two")
    os.symlink("loop", tmp_path / "loop")
    for name in ("a.txt/c.txt", "a.txt/c/d.txt", "b.txt", "x" * 300, "loop/a.txt"):
        with pytest.raises(HushdError) as raised:
            folder.write(name, b"three")
        assert raised.value.code == "bad_request", name
    folder.write("ж" * 120, b"a name of 240 bytes")


def test_a_thousand_files_take_a_request(at_server: S3Server) -> None:
    """Transcripts that exist are known by listing in bulk, but for hidden ones."""
    folder = Objects(f"s3://{BUCKET}/fill")
    at_server.tell("fill 1100")
    folder.write(".hidden/a.txt", b"")
    before = at_server.count()
    assert list(folder.items()) == [f"{number:07}.txt" for number in range(1100)]
    assert at_server.count()["GET"] - before["GET"] == 2
    assert at_server.count().get("HEAD", 0) == before.get("HEAD", 0)


def test_a_file_comes_whole_or_not_at_all(at_server: S3Server) -> None:
    """The server sends halves, and says that it is busy."""
    data = os.urandom(200_000)
    Objects(f"s3://{BUCKET}/whole").write("a.wav", data)
    at_server.tell("half 1")
    at_server.tell("busy 1")
    assert retried(lambda: store.fetched(f"s3://{BUCKET}/whole/a.wav"), 3, lambda _: None) == data
    with hushd_error("input_unreadable", r"^There is no s3://corpus/whole/none\.wav\.$"):
        store.fetched(f"s3://{BUCKET}/whole/none.wav")


def test_a_store_that_stays_busy_is_an_error_that_says_so(at_server: S3Server) -> None:
    """The error comes after the library's own attempts; it is nobody's fault, and worth another try later."""
    folder = Objects(f"s3://{BUCKET}/busy")
    at_server.tell("busy 1000")
    with hushd_error("server_busy", rf"^s3://{BUCKET}/busy/a.txt does not answer \(.*reduce") as raised:
        folder.write("a.txt", b"x")
    assert raised.value.retry_after_ms
    at_server.tell("busy 0")
    folder.write("a.txt", b"x")


@needs_fsspec
@pytest.mark.parametrize(("url", "code", "sentence"), [
    ("nonsense://a/b", "bad_request", "nonsense://a/b cannot be used"),
    ("https://host/texts", "bad_request", "Nothing can be written to https://host/texts"),
    ("s3://key:secret@bucket/a", "bad_request", "s3://key@bucket/a was given with a password"),
    ("s3://[", "bad_request", "is not a URL"),
])  # fmt: skip
def test_places_that_make_no_sense(url: str, code: str, sentence: str) -> None:
    """They are refused in one sentence, which has no secret."""

    with hushd_error(code, has=sentence) as raised:
        store.opened(url)
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
    with served(Pages) as address:
        yield address


@needs_fsspec
@pytest.mark.skipif(find_spec("aiohttp") is None, reason="the extra ray is not installed")
def test_a_recording_comes_by_http(pages: str) -> None:
    """Its address keeps its signature, which no error shows; a refusal is the recording's fault, and a busy server
    nobody's."""
    assert store.fetched(f"{pages}/a.wav?signature=secret") == b"sound"
    codes = {}
    for name in ("a.wav?signature=secreter", "none.wav?signature=secret", "busy.wav?signature=secret"):
        with pytest.raises(HushdError) as raised:
            store.fetched(f"{pages}/{name}")
        assert "secret" not in raised.value.message
        codes[name.partition(".")[0]] = raised.value.code
    assert codes == {"a": "input_unreadable", "none": "input_unreadable", "busy": "server_busy"}
    with hushd_error("server_busy", r"^http://127\.0\.0\.1:\d+/a\.wav does not answer"):
        store.fetched(f"http://127.0.0.1:{free_port()}/a.wav")
