"""The names under which transcripts can be kept, and the places that errors may show."""

from __future__ import annotations

import pytest
from hushd_cluster.recording import MAX_NAME, MAX_PART, fault, is_url, shown


@pytest.mark.parametrize("name", ["17", "2024/05/17", "a b.wav", "…", "set-aside.wav", "x" * MAX_PART, "a/set-aside"])
def test_names_that_can_be_kept(name: str) -> None:
    """They are files of any file system, and keys of any store."""
    assert fault(name) == ""


@pytest.mark.parametrize(("name", "why"), [
    ("", "is empty"), ("/a", "is empty"), ("a//b", "is empty"), ("a/", "is empty"), ("../a", "a dot"),
    ("a/../b", "a dot"), (".", "a dot"), (".a", "a dot"), ("a/.b", "a dot"), ("a\nb", "control character"),
    ("a\\b", "backslash"), ("\0", "has"), ("set-aside.json/a", "hushd uses itself"), ("set-aside", "hushd uses itself"),
    ("x" * (MAX_PART + 1), "too long"), ("ab/" * (MAX_NAME // 3) + "abc", "too long"), ("\ud800", "Unicode"),
])  # fmt: skip
def test_names_that_cannot(name: str, why: str) -> None:
    """They would leave the folder, meet hushd's own files, not be listed, or be refused by a file system."""
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
    """Also of a path with a colon."""
    assert is_url("s3://bucket/a")
    assert not is_url("/disk/a:b")
    assert not is_url("C:/recordings")
