"""The names under which transcripts can be transcript_path, and the places that errors may show."""

from __future__ import annotations

from itertools import product

import pytest
from hushd_cluster.recording import MAX_KEY_BYTES, MAX_PART, SET_ASIDE, fault, is_url, shown, transcript_path

NAMES = {  # a recording's, and its transcript's
    "17": "17.txt", "2024/05/17": "2024/05/17.txt", "a b.wav": "a b.wav.txt", "…": "….txt", "a.txt": "a.txt.txt",
    "a/set-aside": "a/set-aside.txt", "set-aside": "%set-aside.txt", "Set-Aside": "%Set-Aside.txt",
    "set-aside.json": "set-aside.json.txt", "set-aside.json/x": "set-aside.json%/x.txt",
    "Set-Aside.JSON/x": "Set-Aside.JSON%/x.txt", "a.txt/b": "a.txt%/b.txt", "a.txt%/b": "a.txt%%/b.txt",
    "": "%.txt", "/a": "%/a.txt", "a//b": "a/%/b.txt", "a/": "a/%.txt", ".": "%..txt", "../a": "%../a.txt",
    "a/../b": "a/%../b.txt", ".a": "%.a.txt", "%.a": "%%.a.txt", "a/.b": "a/%.b.txt", "%": "%%.txt",
    "x" * MAX_PART: "x" * MAX_PART + ".txt",
}  # fmt: skip


@pytest.mark.parametrize(("name", "path"), NAMES.items())
def test_names_that_can_be_kept(name: str, path: str) -> None:
    """They are files of any file system, and keys of any store, and none is another's, hidden or hushd's own."""
    assert fault(name) == ""
    assert transcript_path(name, "txt") == path


def test_no_two_names_are_kept_as_one() -> None:
    """No name is the folder of another, or of the list set aside, in whatever format."""
    parts = ["", ".", "%", ".a", "%.a", "a", "a.json", "%a.json", "a.json%", "set-aside", "set-aside.json", "a.txt"]
    names = [*parts, *("/".join(pair) for pair in product(parts, parts))]
    paths = [transcript_path(name, form) for name in names for form in ("json", "txt")]
    assert len({*paths, SET_ASIDE}) == 2 * len(names) + 1
    folders = {path.rpartition("/")[0] for path in paths} - {""}
    assert not folders & {*paths, SET_ASIDE}
    assert not [path for path in paths if {part[:1] for part in path.split("/")} & {"", "."}]


@pytest.mark.parametrize(("name", "why"), [
    ("a\nb", "control character"), ("a\\b", "backslash"), ("\0", "has"), ("x" * (MAX_PART + 1), "too long"),
    ("." + "x" * MAX_PART, "too long"), ("ab/" * (MAX_KEY_BYTES // 3) + "abc", "too long"), ("/" * 500, "too long"),
    ("\ud800", "Unicode"),
])  # fmt: skip
def test_names_that_cannot(name: str, why: str) -> None:
    """A file system or a store would refuse them."""
    assert why in fault(name)


@pytest.mark.parametrize(("place", "text"), [
    ("s3://bucket/a b.wav", "s3://bucket/a b.wav"),
    ("https://host/a.wav?X-Amz-Signature=secret#part", "https://host/a.wav"),
    ("https://user:secret@host:8443/a.wav", "https://user@host:8443/a.wav"),
    ("https://user:secret@ex\u2100mple/a", "https://…"),
    ("zip://a::https://u:secret@h/b", "zip://a::https://u@h/b"),
    ("abfs://container@account.dfs.core.windows.net/a", "abfs://container@account.dfs.core.windows.net/a"),
    ("/disk/a?b.wav", "/disk/a?b.wav"),
])  # fmt: skip
def test_what_is_shown_of_a_place_has_no_secret(place: str, text: str) -> None:
    """A signature stands in the query, a password before the host; a path is a path."""
    assert shown(place) == text


def test_a_url_is_read_by_a_node_and_a_path_by_the_driver() -> None:
    """A path with a colon is a path."""
    assert is_url("s3://bucket/a")
    assert not is_url("/disk/a:b")
    assert not is_url("C:/recordings")
