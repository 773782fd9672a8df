"""Tests of the addresses of other machines."""

from __future__ import annotations

import pytest
from hushd_protocol.endpoint import parse
from hushd_protocol.errors import HushdError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ssh://desk", ["--", "desk"]),
        ("ssh://desk/", ["--", "desk"]),
        ("ssh://anna@desk.example:2222", ["-p", "2222", "--", "anna@desk.example"]),
        ("ssh://[fe80::1%eth0]:22", ["-p", "22", "--", "fe80::1%eth0"]),
    ],
)
def test_an_endpoint_becomes_the_words_of_ssh(text: str, words: list[str]) -> None:
    """User and port only where they are named: else ssh's own configuration has them."""
    assert parse(text).words == words


@pytest.mark.parametrize(
    "text",
    ["desk", "ssh://", "ssh://@desk", "ssh://-oProxyCommand=x", "ssh://-l@desk", "ssh://desk:70000", "ssh://a b",
     "ssh://desk/path", "http://desk", "tcp://desk:7300", "ssh://desk:x"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    """Above all a name that ssh would take for an option; the sentence shows the form."""
    with pytest.raises(HushdError, match=r"ssh://\[USER@\]HOST") as caught:
        parse(text)
    assert caught.value.code == "bad_request"
