"""Tests of addresses to listen at."""

from __future__ import annotations

import pytest
from hushd_protocol.errors import HushdError
from hushd_schema.settings.access import Address, Kind, networks, parse


@pytest.mark.parametrize(
    ("kind", "text", "host", "port", "path"),
    [
        ("http", "127.0.0.1:8000", "127.0.0.1", 8000, ""),
        ("http", "http://[::1]:80/", "::1", 80, ""),
        ("http", ":8000", "", 8000, ""),
        ("http", "localhost:8000", "localhost", 8000, ""),
        ("http", "unix:///run/h.sock", "", 0, "/run/h.sock"),
        ("wyoming", "tcp://localhost:10300", "localhost", 10300, ""),
        ("wyoming", "unix:///run/w.sock", "", 0, "/run/w.sock"),
    ],
)
def test_an_address_is_read_as_users_write_it(kind: Kind, text: str, host: str, port: int, path: str) -> None:
    """HTTP's as HOST:PORT, Wyoming's as the URIs of its own tools."""
    assert parse(kind, text) == Address(kind, text, host, port, path)


@pytest.mark.parametrize(
    ("kind", "text"),
    [("http", "80 00"), ("http", "99999"), ("http", "a:b"), ("http", "a:99999"), ("http", "::1:8000"),
     ("wyoming", "127.0.0.1:10300"), ("wyoming", "stdio://"), ("http", "unix:///"),
     ("http", "https://a:1"), ("http", "a:1/path")],
)  # fmt: skip
def test_anything_else_is_an_error_that_shows_the_form(kind: Kind, text: str) -> None:
    """With an example to copy."""
    with pytest.raises(HushdError, match=r"such as .*127\.0\.0\.1"):
        parse(kind, text)


def test_a_port_alone_is_one_of_this_machine() -> None:
    """As other servers' `--port` has it; the whole address is shown afterwards."""
    assert parse("http", "8000") == parse("http", "127.0.0.1:8000")
    assert parse("wyoming", "10300") == parse("wyoming", "tcp://127.0.0.1:10300")


def test_only_loopback_and_paths_are_local() -> None:
    """An empty host means every address."""
    local = ["127.0.0.1:1", "[::1]:1", "localhost:1", "unix:///x"]
    assert [parse("http", text).is_local for text in (*local, ":1", "0.0.0.0:1", "10.0.0.1:1", "nas:1")] == [
        *[True] * 4,
        *[False] * 4,
    ]


def test_networks_are_addresses_or_ranges() -> None:
    """A typing error does not pass in silence."""
    one, many = networks(("192.168.1.5", "fd00::/8"))
    assert (one.num_addresses, many.version) == (1, 6)
    with pytest.raises(HushdError, match="not an address or network"):
        networks(("192.168.1",))
