"""The words of a text, line by line: `say --print`, `hushd.read` and `POST /v1/audio/read`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hushd
import pytest
from support.refusals import hushd_error


@pytest.fixture(autouse=True)
def a_home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "hushd").mkdir()
    (tmp_path / "hushd/pronunciations.txt").write_text("nginx -> engine x\n[de]\nRouter -> Ruter\n")


def test_each_line_is_one_with_the_words_of_its_numbers() -> None:
    """An empty one, too; the user's pronunciations count, and those that are given go before."""
    text = "Am 3. März. Um 17:30 Uhr.\n\nDer Router hat 2 kg"
    assert list(hushd.read(text, language="de")) == [
        "Am dritten März. Um siebzehn Uhr dreißig.", "", "Der Ruter hat zwei Kilogramm",
    ]  # fmt: skip
    assert list(hushd.read("nginx", language="en", pronounce={"nginx": "N"})) == ["N"]


def test_words_are_spelt_for_people() -> None:
    """The spelling by which a voice says the words of programs is not for eyes; the user's own is."""
    assert list(hushd.read("Debian's cron reads ASCII and node.js by nginx.", language="en")) == [
        "Debian's cron reads ASCII and node dot js by engine x."
    ]


def test_markdown_and_subtitles_have_a_line_for_each_sentence() -> None:
    """Their own lines are not those that are spoken."""
    assert list(hushd.read("# A\n\n* one\ntwo. Three\n", language="en", markup="markdown")) == [
        "A",
        "one two.",
        "Three",
    ]
    assert list(hushd.read("1\n00:01.0 --> 00:02.0\nOne\ntwo.\n\n2\n00:02.0 --> 00:03.0\nSo", language="en")) == [
        "One two.", "So",
    ]  # fmt: skip


def test_a_line_is_read_before_the_next_is_there() -> None:
    """A program sees the words of a line as soon as it is whole."""
    asked: list[str] = []

    def chunks() -> Iterator[bytes]:
        for line in ("One.\n", "Two.\n"):
            asked.append(line)
            yield line.encode()

    words = hushd.read(chunks(), language="en")
    assert next(words) == "One."
    assert asked == ["One.\n"]


def test_a_line_is_in_its_own_language(tmp_path: Path) -> None:
    """A text names none, and the user's languages are a prior."""
    (tmp_path / "hushd/config.toml").write_text('languages = ["de", "en"]\n')
    assert list(hushd.read("Es kostet 3 Euro heute.\nIt costs 3 euros today.")) == [
        "Es kostet drei Euro heute.", "It costs three euros today.",
    ]  # fmt: skip


def test_values_that_are_neither_language_nor_markup_are_refused() -> None:
    """The refusal is a sentence."""
    with hushd_error("bad_request", "is not a language"):
        hushd.read("a", language="??")
    with hushd_error("bad_request", "markup must be one of text, markdown"):
        hushd.read("a", markup="html")


@pytest.mark.parametrize(("file", "complaint"), [
    (b"nginx -> engine x\nfoo\n", "pronunciations.txt, line 2: 'foo' has no -> between a word and its pronunciation."),
    (b"\xff", "FILE is not text in UTF-8, at byte 0."),
    (b"nginx -> engine x\n" + b"a -> b\n" * 6_000,
     "FILE has more than 40 kB without its remarks: only its first 5712 lines hold."),
])  # fmt: skip
def test_a_file_of_pronunciations_that_is_none_costs_no_text(file: bytes, complaint: str, tmp_path: Path) -> None:
    """The words are printed as a voice says them with such a file, and its first mistake is told."""
    place = tmp_path / "hushd/pronunciations.txt"
    place.write_bytes(file)
    told: list[str] = []
    said = "engine x" if b"nginx" in file else "nginx"
    assert list(hushd.read("nginx has 3", language="en", complain=told.append)) == [f"{said} has three"]
    assert told == [complaint.replace("FILE", str(place))]
    assert list(hushd.read("nginx has 3", language="en")) == [f"{said} has three"]


def test_say_prints_words_without_a_voice_or_a_supervisor(tmp_path: Path) -> None:
    """Each line of its input is one; a name of subtitles is read as the file; a mistake in the user's own is told."""
    environment = os.environ | {"HUSHD_RUNTIME_DIR": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    (tmp_path / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nEs sind 2.\n")
    say = [str(Path(sys.executable).with_name("say")), "--print", "-l", "de"]
    for arguments, text, words in ([], "3 Tage\n5 €", "drei Tage\nfünf Euro\n"), (["a.srt"], "", "Es sind zwei.\n"):
        ran = subprocess.run(
            [*say, *arguments], input=text, text=True, capture_output=True, env=environment, cwd=tmp_path
        )
        assert (ran.stdout, ran.stderr, ran.returncode) == (words, "", 0)
    (tmp_path / "hushd/pronunciations.txt").write_text("foo")
    ran = subprocess.run([*say, "3 Tage"], text=True, capture_output=True, env=environment)
    assert (ran.stdout, ran.returncode) == ("drei Tage\n", 0)
    assert ran.stderr == "say: pronunciations.txt, line 1: 'foo' has no -> between a word and its pronunciation.\n"
    refused = subprocess.run([*say, "-v", "x", "a"], text=True, capture_output=True, env=environment)
    assert refused.returncode == 2
    assert "--print needs no voice" in refused.stderr
