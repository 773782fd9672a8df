"""Changing a configuration file: only what was meant changes, and what is not understood stays as it is."""

from __future__ import annotations

import os
import random
import tomllib
from pathlib import Path

import pytest
import tomlkit
from hushd.cli.config.file import read
from hushd.cli.tune.config_file import change, edited, plain
from hushd_protocol.errors import HushdError

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
    new = edited(FILE, WORKER, {"environment": {"A": "a # b", "OMP_NUM_THREADS": "1"}, "memory_mb": 281})
    assert new == FILE.replace('"2" } # threads', '"1" } # threads').replace(
        "pinned = true   # stays\n", "pinned = true   # stays\nmemory_mb = 281\n"
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", 'stt = "a/b"', "[worker]\nqueue = 3\n\n\n"])
def test_a_table_that_is_not_there_is_added(text: str) -> None:
    """At the end, whatever is before it, a last line without its end too."""
    new = edited(text, WORKER, {"memory_mb": 281})
    assert new.startswith(text)
    assert tomllib.loads(new)["worker"][WORKER] == {"memory_mb": 281}


def test_what_is_taken_away() -> None:
    """None takes a key and its line away; what was never there is no error."""
    new = edited(FILE, WORKER, {"environment": None, "memory_mb": None})
    assert "environment" not in new
    assert "# why not" in new
    assert tomllib.loads(new)["worker"][WORKER] == {"pinned": True}


def test_a_table_of_its_own() -> None:
    """`[worker."NAME".environment]` keeps its lines and their comments."""
    text = f'[worker."{WORKER}".environment]\nA = "a" # why\nB = "b"\n\n[worker.tts]\nqueue = 1\n'
    new = edited(text, WORKER, {"environment": {"A": "c", "D": "d"}})
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
    new = tomllib.loads(edited(text, WORKER, {"environment": {"A": "b"}}))
    assert new == tomllib.loads(text) | {"worker": {WORKER: own}}


def test_what_comes_out_otherwise_than_it_was_meant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to write by hand."""
    monkeypatch.setattr(tomlkit, "dumps", lambda document: FILE)
    with pytest.raises(HushdError, match=r'yourself: environment = \{ A = "b" \}\.$') as caught:
        edited(FILE, WORKER, {"environment": {"A": "b"}})
    assert caught.value.code == "bad_request"


@pytest.mark.parametrize("text", [FILE, "", 'worker = { "a b" = { x = [1, "ü\\n", true], y = 1.5, z = {} } }\n'])
def test_a_plain_file_says_the_same(text: str) -> None:
    """Without comments, whatever characters there are in keys and values."""
    assert tomllib.loads(plain(tomllib.loads(text))) == tomllib.loads(text)


@pytest.mark.parametrize("text", ["worker = 3", 'worker = "ab"', '[worker]\n"stt/a/b" = "ab"', f"a = {'[' * 5000}"])
def test_workers_that_are_no_tables_are_not_changed(text: str) -> None:
    """What the supervisor would refuse is refused here too."""
    with pytest.raises(HushdError) as caught:
        edited(text, "stt/a/b", {"beam": 1})
    assert caught.value.code == "bad_request"


def test_no_toml() -> None:
    """Nothing is added to a file that makes no sense."""
    with pytest.raises(HushdError, match="not TOML"):
        edited("a = = b", WORKER, {"memory_mb": 1})


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
        new = edited(text, WORKER, {"environment": {"A": "b"}, "memory_mb": 7})
        after = tomllib.loads(new)
        own = before.setdefault("worker", {}).setdefault(WORKER, {})
        own |= {"environment": {"A": "b"}, "memory_mb": 7}
        assert after == before
        kept = [line for line in text.splitlines() if not line.startswith(("environment", "memory_mb"))]
        assert [line for line in new.splitlines() if line in kept and line.strip()] == [k for k in kept if k.strip()]
        done += 1
    assert done > 300


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """A link stays one, rights stay; without a file one is made; a folder that cannot be written is a sentence."""
    place = tmp_path / "real.toml"
    place.write_text(FILE)
    place.chmod(0o600)
    link = tmp_path / "config.toml"
    link.symlink_to(place)
    change(link, WORKER, {"memory_mb": 5})
    assert link.is_symlink()
    assert place.stat().st_mode & 0o777 == 0o600
    assert tomllib.loads(read(link))["worker"][WORKER]["memory_mb"] == 5
    change(tmp_path / "new" / "config.toml", WORKER, {"memory_mb": 5})
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["config.toml"]
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(HushdError) as caught:
        change(blocked / "config.toml", WORKER, {"memory_mb": 5})
    assert caught.value.code in ("output_failed", "bad_request")
    assert os.listdir(tmp_path / "new") == ["config.toml"]
