"""Input by its origin, and whether it can be read again."""

from __future__ import annotations

import os
import shlex
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd.audio.source import of_audio
from hushd.transport import source
from hushd.transport.source import File, Inline, Stream
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD

pytestmark = pytest.mark.permissions


@pytest.mark.parametrize(("size", "place"), [(0, "inline"), (MAX_PAYLOAD, "inline"), (MAX_PAYLOAD + 1, "stream")])
def test_bytes_go_in_the_request_where_they_fit(size: int, place: str) -> None:
    """Up to 64 KiB travel inline, more as a stream; either can be read again."""
    source = Inline(os.urandom(size))
    fields = source.fields()
    assert fields["input"] == place
    assert source.whole
    assert b"".join(source.pieces()) == b"".join(source.pieces())
    assert all(len(piece) <= MAX_PAYLOAD for piece in source.pieces())


def test_a_file_travels_by_path_and_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An existing file goes as absolute path with the device, inode and size of what we saw."""
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    monkeypatch.chdir(tmp_path)
    info = os.stat("a.wav")
    source = File("a.wav")
    assert source.fields() == {
        "input": "path", "path": str(tmp_path / "a.wav"), "device": info.st_dev, "inode": info.st_ino, "size": 4,
    }  # fmt: skip
    assert b"".join(source.pieces()) == b"RIFF"


def test_a_name_that_is_no_text_is_streamed(tmp_path: Path) -> None:
    """A header's strings are UTF-8, a file's name need not be: its bytes are sent instead."""
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav")
    with open(name, "wb") as file:
        file.write(b"RIFF")
    assert File(name).fields() == {"input": "stream"}


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "socket", "device", "empty", "nul", "loop"])
def test_what_cannot_be_read_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    """Each is input_unreadable, in one sentence that names it; a pipe names `-`; none waits."""
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    elif kind == "device":
        path = Path("/dev/null")
    elif kind == "empty":
        path.touch()
    elif kind == "nul":
        path = Path("a\0b")
    elif kind == "loop":
        path.symlink_to(path)
    with pytest.raises(HushdError) as caught:
        File(path)
    assert caught.value.code == "input_unreadable"
    assert "\n" not in caught.value.message
    if kind == "fifo":
        assert "use - " in caught.value.message


@pytest.mark.user
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    """Without the right to read it is input_unreadable, before anybody is asked."""
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "a").chmod(0)
    with pytest.raises(HushdError, match="Permission denied"):
        File(tmp_path / "a")


def test_a_stream_can_be_read_again_while_it_is_kept() -> None:
    """A second reader gets the kept pieces, then the rest."""
    stream = Stream(iter([b"a", b"b", b"c"]), room=10)
    first = stream.pieces()
    assert [next(first), next(first)] == [b"a", b"b"]
    assert list(stream.pieces()) == [b"a", b"b", b"c"]
    assert stream.whole


def test_a_long_stream_is_forgotten() -> None:
    """Past its room nothing is kept, it still reads to its end, and it says that it is whole no more."""
    stream = Stream((b"xx" for _ in range(10)), room=5)
    assert b"".join(stream.pieces()) == b"x" * 20
    assert not stream.whole
    assert not stream._replay.has(0)


def test_a_second_reader_takes_over_from_one_that_waits() -> None:
    """A chunk that the first reader waited for when its request failed reaches the second one too."""
    ready, more = threading.Event(), threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"a"
        ready.set()
        assert more.wait(60)
        yield b"b"

    stream = Stream(slow())
    first: list[bytes] = []
    thread = threading.Thread(target=lambda: first.extend(stream.pieces()))
    thread.start()
    assert ready.wait(60)
    second = stream.pieces()
    assert next(second) == b"a"
    more.set()
    assert list(second) == [b"b"]
    thread.join(60)
    assert first == [b"a", b"b"]


def test_a_stream_that_outgrew_its_room_is_not_sent_in_part() -> None:
    """A second reader overtaken by the end of the kept pieces fails, and never skips a piece."""
    stream = Stream(iter([b"aa", b"bb", b"cc"]), room=5)
    first, second = stream.pieces(), stream.pieces()
    assert [next(first), next(first), next(second)] == [b"aa", b"bb", b"aa"]
    assert next(first) == b"cc"
    with pytest.raises(HushdError, match="too long to send again"):
        next(second)


def test_a_failing_iterable_fails_for_every_reader() -> None:
    """A generator that raised looks ended when it is asked again; the second reader still gets the error."""

    def broken() -> Iterator[bytes]:
        yield b"a"
        raise ZeroDivisionError

    stream = Stream(broken())
    for reader in (stream.pieces(), stream.pieces()):
        assert next(reader) == b"a"
        with pytest.raises(ZeroDivisionError):
            next(reader)


@pytest.mark.parametrize("value", [5, None, 2.5, object()])
def test_what_is_neither_audio_nor_text_is_one_sentence(value: Any) -> None:
    """`transcribe(5)` and its like: the error of hushd's own that every program handles, and no TypeError."""
    for read, kind in (
        (of_audio, "Audio is a path, "),
        (source.of_text, "Text is a string, "),
        (Stream, "Audio"),
    ):
        with pytest.raises(HushdError, match=f"^{kind}.* and not {type(value).__name__}\\.$") as caught:
            read(value)
        assert caught.value.code == "bad_request"


@pytest.mark.parametrize("address", ["https://example.org/a b.mp3", "HTTP://x/y", "ftp://x/y.wav"])
def test_an_address_is_no_file(address: str) -> None:
    """The sentence names the command that downloads it, quoted for the shell."""
    with pytest.raises(
        HushdError, match="is an address on the web, and hushd downloads no recordings: curl -sL "
    ) as caught:
        of_audio(address)
    assert caught.value.code == "input_unreadable"
    assert caught.value.message.endswith(f"{shlex.quote(address)} | listen -")


def test_a_file_that_is_named_like_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read as any other."""
    (tmp_path / "https:/x").mkdir(parents=True)
    (tmp_path / "https:/x/a.wav").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert of_audio("https://x/a.wav").fields()["size"] == 1
