"""A text in words, without a voice: its language, and the user's own pronunciations."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd.synthesis.reading import read
from hushd_protocol.system import paths
from support.refusals import hushd_error


@pytest.fixture
def own(runtime: Path) -> Path:
    """The user's file of pronunciations."""
    file = paths.find().pronunciations
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def test_the_first_mistake_of_the_users_file_is_told_once(own: Path) -> None:
    """It costs neither the other entries nor the text; a file without a mistake is not mentioned."""
    told: list[str] = []
    own.write_text("nothing\nhushd -> hushed\nnothing either\n")
    assert list(read("hushd works.\nTwo.\n", language="en", complain=told.append)) == ["hushed works.", "Two."]
    assert len(told) == 1
    assert "line 1" in told[0]
    told.clear()
    own.write_text("hushd -> hushed\n")
    assert list(read("hushd works.", language="en", complain=told.append)) == ["hushed works."]
    assert told == []


def test_given_pronunciations_go_before_the_users(own: Path) -> None:
    """Those of the file stay where none is given."""
    own.write_text("hushd -> hushed\nqueue -> cue\n")
    assert list(read("hushd has a queue.", language="en", pronounce={"hushd": "hush dee"})) == ["hush dee has a cue."]


@pytest.mark.parametrize(("text", "language", "words"), [
    ("Es sind 3 Katzen im Haus.", None, "Es sind drei Katzen im Haus."),
    ("There are 3 cats in the house.", None, "There are three cats in the house."),
    ("Es sind 3 Katzen im Haus.", "fr", "Es sind trois Katzen im Haus."),
])  # fmt: skip
def test_a_line_is_read_in_its_own_language_unless_one_is_given(
    text: str, language: str | None, words: str, own: Path
) -> None:
    """Each line of a text may be in another language."""
    assert list(read(f"{text}\n{text}\n", language=language)) == [words, words]


def test_a_text_without_a_language_is_read_in_the_users(own: Path) -> None:
    """A number alone has none: it is read in the first language of the configuration."""
    own.with_name("config.toml").write_text('languages = ["de", "en"]\n')
    assert list(read("3")) == ["drei"]


def test_bytes_and_streams_of_them_are_text(own: Path) -> None:
    """A stream may split a character."""
    data = "Café 2.".encode()
    assert list(read(data, language="fr")) == list(read([data[:4], data[4:]], language="fr")) == ["Café deux."]


@pytest.mark.parametrize(
    ("option", "words"), [({"markup": "html"}, "markup must be one of"), ({"language": "xq"}, "xq")]
)
def test_what_nobody_reads_is_refused(option: dict[str, str], words: str, own: Path) -> None:
    """A kind of text or a language that does not exist is an error before the first word is asked for."""
    with hushd_error("bad_request", has=words):
        read("Text.", **option)  # type: ignore[arg-type]
