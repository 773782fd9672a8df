"""A file appears once it is whole; a device or pipe is written as it is."""

from __future__ import annotations

import os
import pty
import resource
import stat
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.system.output_file import OutputFile, _already_open
from support.refusals import hushd_error


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_pieces_go_where_they_belong(tmp_path: Path) -> None:
    """Pieces follow one another without an offset; with one they correct earlier bytes."""
    with OutputFile(tmp_path / "a") as file:
        file.write(b"....")
        file.write(b"body", 4)
        file.write(b"tail")
        file.write(b"HEAD", 0)
        assert file.size == 12
    assert (tmp_path / "a").read_bytes() == b"HEADbodytail"


@pytest.mark.parametrize("error", [HushdError("worker_crashed", "Gone."), KeyboardInterrupt(), SystemExit(143)])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    """Errors, Ctrl-C and SIGTERM leave the old file and no temporary one."""
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def fail() -> None:
        with OutputFile(target) as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert os.listdir(tmp_path) == ["a"]
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize(("umask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0, 0o666)])
def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path, umask: int, expected: int) -> None:
    """A shell that redirects into it would give it the same."""
    before = os.umask(umask)
    try:
        with OutputFile(tmp_path / "a") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == expected


def test_a_device_is_written_directly() -> None:
    """A full device says so as output_failed, and /dev/null takes everything and stays what it is."""
    with OutputFile("/dev/null") as file:
        file.write(b"x")
        file.write(b"y", 0)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with hushd_error("output_failed", "No space left"), OutputFile("/dev/full") as file:
        file.write(b"x")


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """A file that cannot grow is output_failed, and its beginning is removed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(HushdError) as caught, OutputFile(tmp_path / "a") as file:
            file.write(bytes(3000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "output_failed"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("target", ["missing/a.wav", "folder", "file/a.wav"])
def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path, target: str) -> None:
    """A missing folder, a folder itself and a file taken for a folder are output_failed before anything is made."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with hushd_error("output_failed"):
        OutputFile(tmp_path / target)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_a_link_stays_a_link_and_a_mode_a_mode(tmp_path: Path) -> None:
    """The file that it leads to is replaced."""
    (tmp_path / "b").touch()
    (tmp_path / "b").chmod(0o615)
    (tmp_path / "a").symlink_to("b")
    with OutputFile(tmp_path / "a") as file:
        file.write(b"x")
    assert ((tmp_path / "a").readlink(), mode(tmp_path / "b"), (tmp_path / "b").read_bytes()) == (
        Path("b"),
        0o615,
        b"x",
    )


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "{}"])
def test_a_file_that_a_shell_has_opened_is_corrected_in_its_place(tmp_path: Path, name: str) -> None:
    """The programs before and after us have their words around ours; only the shell closes it."""
    shell = os.open(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    os.write(shell, b"before ")
    before, path = os.listdir("/dev/fd"), name.format(shell)
    with OutputFile(int(path) if path.isdigit() else path) as file:
        file.write(b"....")
        file.write(b"body")
        file.write(b"HEAD", 0)
        assert not file.is_terminal
    os.write(shell, b" after")
    assert os.listdir("/dev/fd") == before
    os.close(shell)
    assert (tmp_path / "a").read_bytes() == b"before HEADbody after"


@pytest.mark.parametrize("kind", ["pipe", "appended", "terminal"])
def test_what_was_sent_is_not_corrected(tmp_path: Path, kind: str) -> None:
    """The part of a correction beyond it is written, and no more."""
    reader, writer = pty.openpty() if kind == "terminal" else os.pipe()
    if kind == "appended":
        os.close(reader)
        os.close(writer)
        writer = os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        reader = os.open(tmp_path / "a", os.O_RDONLY)
    with OutputFile(writer) as file:
        assert file.is_terminal == (kind == "terminal")
        for data, offset in [(b"abcd", None), (b"XX", 0), (b"XXef", 2), (b"Xg", 5), (b"h", 7)]:
            file.write(data, offset)
        assert file.size == 8
    received = os.read(reader, 100)
    while len(received) < 8:  # a terminal hands on what it has
        received += os.read(reader, 100)
    assert received == b"abcdefgh"
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize(
    ("path", "descriptor"),
    [("/dev/stdout", 1), ("/dev/stderr", 2), ("/dev/fd/12", 12), (7, 7), ("/dev/fd/x", "/dev/fd/x"), (Path("a"), "a")],
)
def test_names_of_open_descriptors(path: str | Path | int, descriptor: str | int) -> None:
    """Another name is a file's."""
    assert _already_open(path) == descriptor


def test_a_reader_that_is_gone_ends_the_program_as_usual() -> None:
    """It is not a fault to be told."""
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError), OutputFile(writer) as file:
        file.write(b"x")
    os.close(writer)


@pytest.mark.parametrize("call", ["rename", "close"])
def test_a_disk_may_fail_at_the_end(tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails as the file gets its name, or the shell's is closed; an earlier failure is more important."""
    shell, close = os.open(tmp_path / "b", os.O_WRONLY | os.O_CREAT), os.close

    def fail(*arguments: int) -> None:
        if call == "close":
            close(*arguments)
        raise OSError(5, "broken")

    file = OutputFile(tmp_path / "a" if call == "rename" else shell)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        name = tmp_path / "a" if call == "rename" else "Standard output"
        with pytest.raises(HushdError, match=rf"^{name} cannot be written \(broken\)\.$"):
            file.keep()
        if call == "close":
            OutputFile(shell).discard()
    os.close(shell)
