"""Texts of TOML: read with a sentence for each mistake, and written as a file has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hushd_schema import toml
from support.refusals import hushd_error


@pytest.mark.parametrize(("content", "said"), [
    (b"\xff", " is not UTF-8."),
    (b"a = " + b"[" * 5000, " is not TOML: it is nested too deeply."),
    (None, " cannot be read (Is a directory)."),
])  # fmt: skip
def test_what_cannot_be_read_is_a_sentence_with_the_file(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with hushd_error("bad_request", said=f"{path}{said}"):
        toml.load(path)


def test_a_file_without_the_word_is_not_read_further(tmp_path: Path) -> None:
    """A file that is absent or empty is not either: its content is nothing, whatever else it says."""
    path = tmp_path / "a.toml"
    assert toml.load(path) == {}
    path.write_text("voice = ")
    assert toml.load(path, "speed") == {}
    path.write_text("voice = 3")
    assert toml.load(path, "voice") == toml.load(path) == {"voice": 3}


@pytest.mark.parametrize(("value", "text"), [
    ({}, "{}"),
    ({"a-b": 1, "c d": {"é": True}}, '{ a-b = 1, "c d" = { "é" = true } }'),
    (["x", [1.5, []]], '["x", [1.5, []]]'), ('é"\n', '"é\\"\\n"'),
])  # fmt: skip
def test_a_value_is_written_in_one_line(value: Any, text: str) -> None:
    assert toml.written(value) == text
    assert toml.loads(f"a = {text}") == {"a": value}
