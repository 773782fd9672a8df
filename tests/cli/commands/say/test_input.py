"""The text that `say` reads: UTF-8; nothing that is not text is spoken."""

from __future__ import annotations

import os
import pty
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hushd_cli.commands.say.text import opened, utf8
from hushd_protocol.messages import Request
from support.command_line import one_sentence, run
from support.refusals import hushd_error
from support.scripted_router import ScriptedRouter
from support.seeds import seeds

from ...test_cli import engines

Start = Callable[..., ScriptedRouter]
TEXT = "Grüße, 世界! 👋\nZeile zwei.\n"


def chunked(data: bytes, seed: int) -> list[bytes]:
    """`data` in pieces of any size, as a pipe brings it."""
    rng, pieces = random.Random(seed), []
    while data:
        size = rng.randint(1, 7)
        pieces.append(data[:size])
        data = data[size:]
    return pieces


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@seeds(20)
def test_text_arrives_whole(encoding: str, seed: int) -> None:
    """However it is cut: the same UTF-8, without a mark at its beginning."""
    assert b"".join(utf8(chunked(TEXT.encode(encoding), seed), "It")) == TEXT.encode()


def test_old_subtitles_are_decoded(tmp_path: Path) -> None:
    """A file of subtitles is often older than UTF-8; any other text in such an encoding is refused."""
    old = "1\n00:00:01,000 --> 00:00:02,500\nIl a été très gentil avec nous.\n".encode("cp1252")
    (tmp_path / "film.SRT").write_bytes(old)
    (tmp_path / "film.txt").write_bytes(old)
    done = run("say", "--print", "-l", "fr", "-f", str(tmp_path / "film.SRT"))
    assert done.stdout.decode() == "Il a été très gentil avec nous.\n"
    assert b"is not UTF-8 in line 3" in run("say", "--print", "-f", str(tmp_path / "film.txt")).stderr


def test_a_pipe_does_not_wait() -> None:
    """Each block is passed on before the next is read."""
    read = []

    def blocks() -> object:
        for block in (b"One. ", b"Two. "):
            read.append(block)
            yield block

    text = utf8(blocks(), "It")  # type: ignore[arg-type]
    assert next(text) == b"One. "
    assert read == [b"One. "]


@pytest.mark.parametrize(("data", "words"), [
    (b"RIFF\x24\x00\x00\x00WAVE", "is binary data and not text"),
    (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3", "is binary data and not text"),
    ("Ein Text.\nGrüße".encode("latin-1"), "is not UTF-8 in line 2: convert it, as with `iconv -f latin1"),
    ("Hi".encode("utf-16"), "is binary data and not text"),
    (b"cut \xc3", "is not UTF-8 in line 1"),
])  # fmt: skip
@pytest.mark.parametrize("how", ["file", "pipe"])
def test_what_is_no_text_is_refused(data: bytes, words: str, how: str, start_router: Start, tmp_path: Path) -> None:
    """One sentence that names it, exit code 4, and no sound file."""
    start_router(engines)
    path = tmp_path / "text"
    path.write_bytes(data)
    arguments = ["-o", str(tmp_path / "x.wav")]
    done = run("say", *arguments, "-f", str(path)) if how == "file" else run("say", *arguments, input=data)
    assert done.returncode == 4
    assert words in one_sentence(done, "say")
    assert ("Standard input" if how == "pipe" else repr(str(path))) in done.stderr.decode()
    assert not (tmp_path / "x.wav").exists()


@pytest.mark.parametrize("target", ["-", "/dev/stdout"])
def test_a_terminal_gets_no_sound(target: str, start_router: Start) -> None:
    """`say -o -` without a pipe behind it is refused, and nothing is asked of a worker."""
    router = start_router(engines)
    ours, theirs = pty.openpty()
    done = run("say", "-o", target, "hi", stdout=theirs)
    os.close(theirs)
    assert done.returncode == 2
    assert "A terminal cannot play sound" in one_sentence(done, "say")
    assert router.of(Request) == []
    os.close(ours)


@pytest.mark.parametrize(
    ("name", "reason"), [("none.txt", "No such file or directory"), ("a\0b", "its name is not valid")]
)
def test_a_file_that_cannot_be_opened_says_why(
    name: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the system's own words, or those for a name that no file may have."""
    monkeypatch.chdir(tmp_path)
    with hushd_error("input_unreadable", re.escape(f"{name!r} cannot be read ({reason}).")):
        opened(name)
