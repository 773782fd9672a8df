"""Changing a configuration file: only the setting meant changes, and unknown lines stay as they are."""

from __future__ import annotations

import random
import tomllib

import pytest
import tomlkit
from hushd_protocol.errors import HushdError
from hushd_schema.settings.editing import path_of, plain, value_of, with_key, with_worker
from hushd_schema.settings.reference import written

pytestmark = pytest.mark.permissions

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


@pytest.mark.parametrize("text", ["worker = 3", 'worker = "ab"', '[worker]\n"stt/a/b" = "ab"', f"a = {'[' * 5000}"])
def test_workers_that_are_no_tables_are_not_changed(text: str) -> None:
    """A value that the supervisor would refuse is refused here too."""
    with pytest.raises(HushdError) as caught:
        with_worker(text, "stt/a/b", {"beam": 1})
    assert caught.value.code == "bad_request"


def test_no_toml() -> None:
    """Nothing is added to a file that makes no sense."""
    with pytest.raises(HushdError, match="not TOML"):
        with_worker("a = = b", WORKER, {"memory_mb": 1})


def test_whatever_the_file_says_only_that_changes() -> None:
    """Five hundred files put together at random: the change is there, the rest is the same, every comment stays."""
    rng = random.Random(6)
    pieces = [
        "# c{n}\n", "\n", 'stt = "a/b" # d{n}\n', "[worker]\nqueue = {n}\n",
        f'[worker."{WORKER}"]  # e{{n}}\npriority = {{n}}\n', f'[worker."{WORKER}"]\nmemory_mb = {{n}} # f{{n}}\n',
        f'["worker"."{WORKER}"]\nenvironment = {{{{ X = "#{{n}}" }}}}\n', '[worker.tts]\nqueue = 1 # "\n',
        '[models."whisper/x"]\nurl = "http://x/{n}"\nfiles = [\n  "x.pt", # g\n]\n',
    ]  # fmt: skip
    done = 0
    for _ in range(500):
        chosen = rng.sample(pieces, rng.randint(0, 5))
        chosen.sort(key=lambda piece: piece.startswith("["))  # keys of the top come first
        text = "".join(piece.format(n=rng.randint(0, 99)) for piece in chosen)
        try:
            before = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            continue
        new = with_worker(text, WORKER, {"environment": {"A": "b"}, "memory_mb": 7})
        after = tomllib.loads(new)
        own = before.setdefault("worker", {}).setdefault(WORKER, {})
        own |= {"environment": {"A": "b"}, "memory_mb": 7}
        assert after == before
        kept = [line for line in text.splitlines() if not line.startswith(("environment", "memory_mb"))]
        assert [line for line in new.splitlines() if line in kept and line.strip()] == [k for k in kept if k.strip()]
        done += 1
    assert done > 300


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("tts", ["tts"]),
        ("http.listen", ["http", "listen"]),
        ('worker."stt/moonshine".keep_alive', ["worker", "stt/moonshine", "keep_alive"]),
        ("worker.stt/moonshine/v3.5.keep_alive", ["worker", "stt/moonshine/v3.5", "keep_alive"]),
    ],
)
def test_paths_of_keys(key: str, path: list[str]) -> None:
    """As TOML has them, and for workers without quotes."""
    assert path_of(key) == path


@pytest.mark.parametrize("key", ["", "a b", "a = 1", "a\nb", "a..b"])
def test_what_is_no_key(key: str) -> None:
    """It is refused before anything is read."""
    with pytest.raises(HushdError, match="is not a key"):
        path_of(key)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5m", "5m"),
        ("true", True),
        ("-1", -1),
        ('["a"]', ["a"]),
        ("2020-01-01", "2020-01-01"),
        ("a\nb", "a\nb"),
        ("", ""),
    ],
)
def test_values_as_typed(text: str, value: object) -> None:
    """TOML's value, and else the text."""
    assert value_of(text) == value


def test_strange_files_are_left_alone() -> None:
    """A key inside an inline table is changed there, one below a value is refused, and so is text that is not TOML."""
    assert with_key("http = { listen = [] }\n", ["http", "hosts"], ["a"]) == 'http = { listen = [], hosts = ["a"]}\n'
    assert with_key("", ["http", "listen"], None) == ""
    with pytest.raises(HushdError, match="not TOML"):
        with_key("a = ", ["b"], 1)


def test_values_as_written() -> None:
    """Lists, tables and text as TOML has them."""
    assert written({"a b": [1, "x"], "c": {}}) == '{ "a b" = [1, "x"], c = {} }'
