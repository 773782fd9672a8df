"""Changing a configuration file: only the setting meant changes, and unknown lines stay as they are."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

import pytest
import tomlkit
from hushd_protocol.errors import HushdError
from hushd_schema.settings.editing import path_of, value_of, with_key
from support.refusals import hushd_error

WORKER = "stt/moonshine/tiny-en"
TABLE = ("worker", WORKER)
FILE = """\
# mine
stt = "moonshine/tiny-en"  # the small one

[worker]  # all of them
keep_alive = "10m"

[worker."stt/moonshine/tiny-en"]
# why not
environment = { A = "a # b", OMP_NUM_THREADS = "2" } # threads
pinned = true   # stays

[greet.ollama]
url = "https://example.org/#/x"
"""


def test_comments_and_order_stay() -> None:
    """A key that is there is replaced in its line, a new one comes to the end of its table; all else is as it was."""
    assert with_key(FILE, [*TABLE, "pinned"], False) == FILE.replace("pinned = true ", "pinned = false ")
    assert with_key(FILE, [*TABLE, "memory_mb"], 281) == FILE.replace("# stays\n", "# stays\nmemory_mb = 281\n")


@pytest.mark.parametrize("text", ["", "# nothing\n", 'stt = "a/b"', "[worker]\nqueue = 3\n\n\n"])
def test_a_table_that_is_not_there_is_added(text: str) -> None:
    """It comes to the end, whatever is before it, a last line without its end too."""
    new = with_key(text, [*TABLE, "memory_mb"], 281)
    assert new.startswith(text)
    assert tomllib.loads(new)["worker"][WORKER] == {"memory_mb": 281}


def test_what_is_taken_away() -> None:
    """None takes a key and its line away; an absent key is not an error."""
    new = with_key(with_key(FILE, [*TABLE, "environment"], None), [*TABLE, "memory_mb"], None)
    assert "environment" not in new
    assert "# why not" in new
    assert tomllib.loads(new)["worker"][WORKER] == {"pinned": True}
    assert with_key(FILE, ["http", "listen"], None) == FILE


@pytest.mark.parametrize("text", [
    f'[worker]\n"{WORKER}" = {{ pinned = true }}\n',
    f'worker = {{ "{WORKER}" = {{ pinned = true }} }}\n',
    f'[worker."{WORKER}"]\nenvironment.A = "a"\nenvironment.B = "b"\n',
    f'[worker."{WORKER}".environment]\nA = "a" # why\nB = "b"\n\n[worker.tts]\nqueue = 1\n',
    f'x = """\n[worker."{WORKER}"]\n"""\n',
])  # fmt: skip
def test_whatever_way_it_is_written_in(text: str) -> None:
    """Inline tables, dotted keys, tables of their own, headers inside of texts: the rest is as it was."""
    meant = tomllib.loads(text)
    meant.setdefault("worker", {}).setdefault(WORKER, {})["memory_mb"] = 281
    assert tomllib.loads(with_key(text, [*TABLE, "memory_mb"], 281)) == meant


def test_what_comes_out_otherwise_than_it_was_meant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says how to change it by hand."""
    monkeypatch.setattr(tomlkit, "dumps", lambda document: FILE)
    with hushd_error("bad_request", "edit the file"):
        with_key(FILE, [*TABLE, "memory_mb"], 281)


@pytest.mark.parametrize(("key", "parts"), [
    ("tts", ["tts"]), ("http.listen", ["http", "listen"]),
    ("worker.stt.queue", ["worker", "stt", "queue"]),
    ("worker.stt/a/v1.0.queue", ["worker", "stt/a/v1.0", "queue"]),
    ('worker."stt/a".queue', ["worker", "stt/a", "queue"]),
    ("worker.'stt/a'.queue", ["worker", "stt/a", "queue"]),
    ('"a.b".c', ["a.b", "c"]),
    *((key, None) for key in ("", "a b", "\na", "a=b", "a = 1 #", "a..b", "worker./x.y", "worker..a/x.y", "a/b")),
])  # fmt: skip
def test_a_key_is_written_with_or_without_quotes(key: str, parts: list[str] | None) -> None:
    if parts is not None:
        assert path_of(key) == parts
        return
    with pytest.raises(HushdError) as caught:
        path_of(key)
    said = f'{key!r} is not a key, such as tts, http.listen or worker."stt".keep_alive.'
    assert (caught.value.code, caught.value.message) == ("bad_request", said)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("2.5", 2.5), ("true", True), ('"x"', "x"), ("[1, 2]", [1, 2]), ("{ a = 1 }", {"a": 1})],
)
def test_a_value_is_one_of_toml(text: str, value: Any) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


@pytest.mark.parametrize("text", ["x", "", "127.0.0.1:80", "1979-05-27", "nan", "3\n", "1\nb = 2", "[" * 2000])
def test_any_other_value_is_the_text_itself(text: str) -> None:
    """A date or nan, too, which no setting takes, and more than one line."""
    assert value_of(text) == text


@pytest.mark.parametrize(("text", "path", "said"), [
    ("x = ", ["tts"], "The configuration is not TOML: Invalid value (at end of document)."),
    ("worker = 3\n", ["worker", "stt", "queue"],
     "The configuration is written in a way that cannot be changed safely: edit the file."),
])  # fmt: skip
def test_a_file_that_cannot_be_changed_is_refused(text: str, path: Sequence[str], said: str) -> None:
    with hushd_error("bad_request", said=said):
        with_key(text, path, 1)
