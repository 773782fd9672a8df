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


def test_say_prints_words_without_a_voice_or_a_supervisor(tmp_path: Path) -> None:
    """Each line of its input is one; a name of subtitles is read as the file."""
    environment = os.environ | {"HUSHD_RUNTIME_DIR": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    (tmp_path / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nEs sind 2.\n")
    say = [str(Path(sys.executable).with_name("say")), "--print", "-l", "de"]
    for arguments, text, words in ([], "3 Tage\n5 €", "drei Tage\nfünf Euro\n"), (["a.srt"], "", "Es sind zwei.\n"):
        ran = subprocess.run(
            [*say, *arguments], input=text, text=True, capture_output=True, env=environment, cwd=tmp_path
        )
        assert (ran.stdout, ran.stderr, ran.returncode) == (words, "", 0)
    refused = subprocess.run([*say, "-v", "x", "a"], text=True, capture_output=True, env=environment)
    assert refused.returncode == 2
    assert "--print needs no voice" in refused.stderr
