"""Input by its origin, and whether it can be read again."""

from __future__ import annotations

import os
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd.audio.audio_source import of_audio
from hushd.transport.source import File, Inline, Stream
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD
from support.refusals import hushd_error


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
    with hushd_error("input_unreadable") as caught:
        File(path)
    if kind == "fifo":
        assert "use - " in caught.value.message


@pytest.mark.user
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    """It is input_unreadable without the right to read, before anybody is asked."""
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "a").chmod(0)
    with pytest.raises(HushdError, match="Permission denied"):
        File(tmp_path / "a")


def test_a_stream_can_be_read_again_while_it_is_kept() -> None:
    """A second reader gets the pieces that were read before, then the rest."""
    stream = Stream(iter([b"a", b"b", b"c"]), room=10)
    first = stream.pieces()
    assert [next(first), next(first)] == [b"a", b"b"]
    assert stream.kept() == b"ab"
    assert list(stream.pieces()) == [b"a", b"b", b"c"]
    assert stream.whole


def test_a_long_stream_is_forgotten() -> None:
    """Past its room nothing is kept, it still reads to its end, and it says that it is whole no more."""
    stream = Stream((b"xx" for _ in range(10)), room=5)
    assert b"".join(stream.pieces()) == b"x" * 20
    assert not stream.whole
    assert stream.kept() == b""


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


@pytest.mark.parametrize("address", ["https://example.org/a b.mp3", "HTTP://x/y", "ftp://x/y.wav"])
def test_an_address_is_no_file(address: str) -> None:
    """The sentence names the command that downloads it, quoted for the shell."""
    with hushd_error(
        "input_unreadable", "is an address on the web, and hushd downloads no recordings: curl -sL "
    ) as caught:
        of_audio(address)
    assert caught.value.message.endswith(f"{shlex.quote(address)} | listen -")
