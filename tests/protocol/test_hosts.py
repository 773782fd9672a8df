"""Tests of the names by which this machine may be called, and of the addresses of other machines."""

from __future__ import annotations

import pytest
from hushd_protocol import hosts
from hushd_protocol.errors import HushdError
from support.refusals import hushd_error


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "a.localhost", "127.0.0.1:8000", "[::1]:8000", "10.0.0.7", "nas:80", "[::1]",
     "nas.", " nas\t", "a.localhost.:1"],
)  # fmt: skip
def test_addresses_localhost_and_the_users_names_are_allowed(host: str) -> None:
    """None of them can be made to resolve to this machine by a stranger."""
    assert hosts.is_allowed(host, ["nas"])


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "[", "nas.", "[::1]evil",
        "[::1]:8000evil", "[::1", "[::1]8000", "localhost:", "localhost:\u0661", "xlocalhost", "\xa0localhost",
    ],
)  # fmt: skip
def test_any_other_name_is_foreign(host: str) -> None:
    """A page whose name resolves to this machine carries it in `Host`."""
    assert not hosts.is_allowed(host)


def test_only_loopback_addresses_are_loopback() -> None:
    """0.0.0.0 and an empty host mean every address."""
    assert all(map(hosts.is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(hosts.is_loopback, ("0.0.0.0", "::", "", "10.0.0.7", "example.org")))


@pytest.mark.parametrize(("text", "words"), [
    ("ssh://desk", ["--", "desk"]),
    ("ssh://desk/", ["--", "desk"]),
    ("ssh://anna@desk.example:2222", ["-p", "2222", "--", "anna@desk.example"]),
    ("ssh://[fe80::1%eth0]:22", ["-p", "22", "--", "fe80::1%eth0"]),
])  # fmt: skip
def test_an_endpoint_becomes_the_words_of_ssh(text: str, words: list[str]) -> None:
    """User and port only where they are named: else ssh's own configuration has them."""
    assert hosts.parse(text).words == words


@pytest.mark.parametrize(
    "text",
    ["desk", "ssh://", "ssh://@desk", "ssh://-oProxyCommand=x", "ssh://-l@desk", "ssh://desk:70000", "ssh://a b",
     "ssh://desk/path", "http://desk", "tcp://desk:7300", "ssh://desk:x"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    """A name that ssh would take for an option is, above all; the sentence shows the form."""
    with hushd_error("bad_request", r"ssh://\[USER@\]HOST"):
        hosts.parse(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("127.0.0.1:65535", ("127.0.0.1", 65535)), ("127.0.0.1:65536", None),
        ("[fe80::1%eth0]:0", ("fe80::1%eth0", 0)), (":80", ("", 80)), ("nas", None), ("nas:", None),
        ("nas:123456", None), ("::1:80", None), ("a b:80", None), ("a@b:80", None), ("a/b:80", None),
        ("nas:80 ", None), ("nas:\u0661", None),
    ],
)  # fmt: skip
def test_an_address_is_a_host_and_a_port(text: str, parts: tuple[str, int] | None) -> None:
    """The colons of an IPv6 address are in brackets."""
    assert hosts.split_address(text) == parts


@pytest.mark.parametrize(("port", "known"), [("65535", 65535), ("1", 1), ("0", 0)])
def test_a_port_of_zero_is_sshs_own(port: str, known: int) -> None:
    """It is as good as none; one beyond 65535 names no machine."""
    assert hosts.parse(f"ssh://desk:{port}").port == known
    assert hosts.parse(f"ssh://desk:{port}").words == (["-p", port] if known else []) + ["--", "desk"]
    with pytest.raises(HushdError, match="names no machine"):
        hosts.parse("ssh://desk:65536")


@pytest.mark.parametrize(
    ("host", "reached"),
    [("", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("[::]", "[::1]"), ("10.0.0.7", "10.0.0.7")],
)
def test_people_are_told_where_to_go(host: str, reached: str) -> None:
    """They go to this machine, where a listener is at every address; nowhere, where it is a socket."""
    assert hosts.reachable(host) == reached
    assert hosts.invitation("wyoming", f"tcp://{host}:7") == f"Wyoming: tcp://{reached}:7"
    there = f"http://{reached}:80"
    for address in (f"{host}:80", f"http://{host}:80/"):
        assert (
            hosts.invitation("http", address) == f"Open {there}/ in a browser; programs of OpenAI's API use {there}/v1."
        )
    assert hosts.invitation("http", "unix:/run/h.sock") == ""


def test_a_repeated_header_has_both_values() -> None:
    """Such a header matches nothing; names are of any case, and bytes of any kind."""
    pairs = [(b"Host", b" a\t"), (b"X", b"\xe9"), (b"hOST", b"b ")]
    assert hosts.headers_of(pairs) == {"host": "a, b", "x": "\xe9"}


@pytest.mark.parametrize(
    ("authorization", "key", "secrets"),
    [
        ("Bearer s", "", ("s",)), ("bEARER  s\t", "k", ("s", "k")), ("s", "", ("s",)), ("Basic s", "", ("Basic s",)),
        ("Bearer", "k", ("k",)), ("", "", ()),
    ],
)  # fmt: skip
def test_secrets_are_in_either_header(authorization: str, key: str, secrets: tuple[str, ...]) -> None:
    """The word Bearer may be missing."""
    assert hosts.sent_secrets(authorization, key) == secrets


@pytest.mark.parametrize(
    ("sent", "same"), [("g\xe9", True), ("g\xe9".encode(), True), ("g", False), ("", False), ("h\xe9", False)]
)
def test_a_secret_is_compared_as_a_whole(sent: str | bytes, same: bool) -> None:
    """It may be text or bytes."""
    assert hosts.same_secret(sent, "g\xe9") is same
