"""Changing a configuration file: only the setting meant changes, and unknown lines stay as they are."""

from __future__ import annotations

import tomllib

import pytest
import tomlkit
from hushd_protocol.errors import HushdError
from hushd_schema.settings.editing import plain, with_worker

WORKER = "stt/moonshine/tiny-en"
FILE = """\
# mine
stt = "moonshine/tiny-en"  # the small one

[worker]  # all of them
keep_alive = "10m"

[worker."stt/moonshine/tiny-en"]
# why not
environment = { A = "a # b", OMP_NUM_THREADS = "2" } # threads
pinned = true   # stays

[models."whisper/mine"]
url = "https://example.org/#/x"
"""


def test_comments_and_order_stay() -> None:
    """A key that is there is replaced in its line, a new one comes to the end of its table; all else is as it was."""
    new = with_worker(FILE, WORKER, {"environment": {"A": "a # b", "OMP_NUM_THREADS": "1"}, "memory_mb": 281})
    assert new == FILE.replace('"2" } # threads', '"1" } # threads').replace(
        "pinned = true   # stays\n", "pinned = true   # stays\nmemory_mb = 281\n"
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", 'stt = "a/b"', "[worker]\nqueue = 3\n\n\n"])
def test_a_table_that_is_not_there_is_added(text: str) -> None:
    """At the end, whatever is before it, a last line without its end too."""
    new = with_worker(text, WORKER, {"memory_mb": 281})
    assert new.startswith(text)
    assert tomllib.loads(new)["worker"][WORKER] == {"memory_mb": 281}


def test_what_is_taken_away() -> None:
    """None takes a key and its line away; an absent key is not an error."""
    new = with_worker(FILE, WORKER, {"environment": None, "memory_mb": None})
    assert "environment" not in new
    assert "# why not" in new
    assert tomllib.loads(new)["worker"][WORKER] == {"pinned": True}


def test_a_table_of_its_own() -> None:
    """`[worker."NAME".environment]` keeps its lines and their comments."""
    text = f'[worker."{WORKER}".environment]\nA = "a" # why\nB = "b"\n\n[worker.tts]\nqueue = 1\n'
    new = with_worker(text, WORKER, {"environment": {"A": "c", "D": "d"}})
    assert new == f'[worker."{WORKER}".environment]\nA = "c" # why\nD = "d"\n\n[worker.tts]\nqueue = 1\n'


@pytest.mark.parametrize(
    "text",
    [
        f'[worker]\n"{WORKER}" = {{ pinned = true }}\n',
        f'worker = {{ "{WORKER}" = {{ pinned = true }} }}\n',
        f'[worker."{WORKER}"]\nenvironment.A = "a"\nenvironment.B = "b"\n',
        f'x = """\n[worker."{WORKER}"]\n"""\n',
    ],
)
def test_whatever_way_it_is_written_in(text: str) -> None:
    """Inline tables, dotted keys, headers inside of texts: the change is there, and the rest as it was."""
    own = tomllib.loads(text).get("worker", {}).get(WORKER, {}) | {"environment": {"A": "b"}}
    new = tomllib.loads(with_worker(text, WORKER, {"environment": {"A": "b"}}))
    assert new == tomllib.loads(text) | {"worker": {WORKER: own}}


def test_what_comes_out_otherwise_than_it_was_meant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to write by hand."""
    monkeypatch.setattr(tomlkit, "dumps", lambda document: FILE)
    with pytest.raises(HushdError, match=r'yourself: environment = \{ A = "b" \}\.$') as caught:
        with_worker(FILE, WORKER, {"environment": {"A": "b"}})
    assert caught.value.code == "bad_request"


@pytest.mark.parametrize("text", [FILE, "", 'worker = { "a b" = { x = [1, "ü\\n", true], y = 1.5, z = {} } }\n'])
def test_a_plain_file_says_the_same(text: str) -> None:
    """Without comments, whatever characters there are in keys and values."""
    assert tomllib.loads(plain(tomllib.loads(text))) == tomllib.loads(text)
