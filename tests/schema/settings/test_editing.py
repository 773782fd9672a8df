"""Changing a configuration file: only the setting meant changes, and unknown lines stay as they are."""

from __future__ import annotations

import tomllib

import pytest
import tomlkit
from hushd_protocol.errors import HushdError
from hushd_schema.settings.editing import with_key

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

[neighbours.ollama]
url = "https://example.org/#/x"
"""


def test_comments_and_order_stay() -> None:
    """A key that is there is replaced in its line, a new one comes to the end of its table; all else is as it was."""
    assert with_key(FILE, [*TABLE, "pinned"], False) == FILE.replace("pinned = true ", "pinned = false ")
    assert with_key(FILE, [*TABLE, "memory_mb"], 281) == FILE.replace("# stays\n", "# stays\nmemory_mb = 281\n")


@pytest.mark.parametrize("text", ["", "# nothing\n", 'stt = "a/b"', "[worker]\nqueue = 3\n\n\n"])
def test_a_table_that_is_not_there_is_added(text: str) -> None:
    """At the end, whatever is before it, a last line without its end too."""
    new = with_key(text, [*TABLE, "memory_mb"], 281)
    assert new.startswith(text)
    assert tomllib.loads(new)["worker"][WORKER] == {"memory_mb": 281}


def test_what_is_taken_away() -> None:
    """None takes a key and its line away; an absent key is not an error."""
    new = with_key(with_key(FILE, [*TABLE, "environment"], None), [*TABLE, "memory_mb"], None)
    assert "environment" not in new
    assert "# why not" in new
    assert tomllib.loads(new)["worker"][WORKER] == {"pinned": True}


@pytest.mark.parametrize(
    "text",
    [
        f'[worker]\n"{WORKER}" = {{ pinned = true }}\n',
        f'worker = {{ "{WORKER}" = {{ pinned = true }} }}\n',
        f'[worker."{WORKER}"]\nenvironment.A = "a"\nenvironment.B = "b"\n',
        f'[worker."{WORKER}".environment]\nA = "a" # why\nB = "b"\n\n[worker.tts]\nqueue = 1\n',
        f'x = """\n[worker."{WORKER}"]\n"""\n',
    ],
)
def test_whatever_way_it_is_written_in(text: str) -> None:
    """Inline tables, dotted keys, tables of their own, headers inside of texts: the rest is as it was."""
    meant = tomllib.loads(text)
    meant.setdefault("worker", {}).setdefault(WORKER, {})["memory_mb"] = 281
    assert tomllib.loads(with_key(text, [*TABLE, "memory_mb"], 281)) == meant


def test_what_comes_out_otherwise_than_it_was_meant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says how to change it by hand."""
    monkeypatch.setattr(tomlkit, "dumps", lambda document: FILE)
    with pytest.raises(HushdError, match="edit the file") as caught:
        with_key(FILE, [*TABLE, "memory_mb"], 281)
    assert caught.value.code == "bad_request"
