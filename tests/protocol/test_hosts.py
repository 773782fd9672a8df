"""Tests of the names by which this machine may be called, and of the addresses of other machines."""

from __future__ import annotations

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.hosts import is_allowed, is_loopback, parse


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "a.localhost", "127.0.0.1:8000", "[::1]:8000", "10.0.0.7", "nas:80"]
)
def test_addresses_localhost_and_the_users_names_are_allowed(host: str) -> None:
    """None of them can be made to resolve to this machine by a stranger."""
    assert is_allowed(host, ["nas"])


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "[",
        "nas.",
        "[::1]evil",
        "[::1]:8000evil",
        "[::1",
        "\xa0localhost",
    ],
)
def test_any_other_name_is_foreign(host: str) -> None:
    """A page whose name resolves to this machine carries it in `Host`."""
    assert not is_allowed(host)


def test_only_loopback_addresses_are_loopback() -> None:
    """0.0.0.0 and an empty host mean every address."""
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "", "10.0.0.7", "example.org")))


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
