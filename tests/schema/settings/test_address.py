"""Addresses to listen at, and who may use them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_schema.settings import HttpSettings, Settings, WyomingSettings, access, load
from hushd_schema.settings.access import Address, Kind, networks, parse
from support.refusals import hushd_error


@pytest.mark.parametrize(("kind", "text", "host", "port", "path"), [
    ("http", "127.0.0.1:8000", "127.0.0.1", 8000, ""),
    ("http", "http://[::1]:80/", "::1", 80, ""), ("http", ":8000", "", 8000, ""),
    ("http", "localhost:8000", "localhost", 8000, ""),
    ("http", "unix:///run/h.sock", "", 0, "/run/h.sock"),
    ("wyoming", "tcp://localhost:10300", "localhost", 10300, ""),
    ("wyoming", "unix:///run/w.sock", "", 0, "/run/w.sock"),
])  # fmt: skip
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
    """It has an example to copy."""
    with pytest.raises(HushdError, match=r"such as .*127\.0\.0\.1"):
        parse(kind, text)


def test_a_port_alone_is_one_of_this_machine() -> None:
    """Other servers' `--port` has it so; the whole address is shown afterwards."""
    assert parse("http", "8000") == parse("http", "127.0.0.1:8000")
    assert parse("wyoming", "10300") == parse("wyoming", "tcp://127.0.0.1:10300")


def test_only_loopback_and_paths_are_local() -> None:
    """An empty host means every address."""
    local = ["127.0.0.1:1", "[::1]:1", "localhost:1", "unix:///x"]
    assert [parse("http", text).is_local for text in (*local, ":1", "0.0.0.0:1", "10.0.0.1:1", "nas:1")] == [
        *[True] * 4,
        *[False] * 4,
    ]


def test_networks_are_addresses_or_ranges(tmp_path: Path) -> None:
    """A typing error, or a name, does not pass in silence: whoever connects would be neither served nor refused."""
    one, many = networks(("192.168.1.5", "fd00::/8"))
    assert (one.num_addresses, many.version) == (1, 6)
    for text in ("192.168.1", "homeassistant.local", ""):
        (tmp_path / "config.toml").write_text(f'[wyoming]\nallow = ["10.0.0.1", "{text}"]\n')
        with pytest.raises(HushdError, match=r"wyoming.allow must be a list of addresses and networks, such as"):
            load(tmp_path / "config.toml")


@pytest.mark.parametrize(("content", "mode", "outcome"), [
    (b" s3cret\n", 0o600, "s3cret"), (b"s3cret", 0o400, "s3cret"),
    (b"s3cret", 0o610, " is open to other users: make its mode 0600."),
    (b"s3cret", 0o601, " is open to other users: make its mode 0600."),
    (b" \n", 0o600, " is empty: write a secret into it."),
    (b"s\xe9cret", 0o600, " cannot be read ('ascii' codec can't decode byte 0xe9 in position 1: "),
])  # fmt: skip
def test_the_secret_is_a_file_that_nobody_else_reads(
    content: bytes, mode: int, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "token"
    path.write_bytes(content)
    path.chmod(mode)
    settings = Settings(http=HttpSettings(token_file="~/token"))
    if outcome == "s3cret":
        assert access.read_token(settings) == outcome
    else:
        with pytest.raises(HushdError) as caught:
            access.read_token(settings)
        assert caught.value.message.startswith(f"The token file {path}{outcome}")
    assert access.read_token(Settings()) == ""


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "PACKAGES", {"http": ("json",), "wyoming": ("json",)})


STRANGERS = "Anyone who can reach {} could use hushd"
HEADER = "HUSHD_HTTP_TOKEN must be of ASCII's letters, digits and signs: no header has others."


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("kind", "text", "token", "allow", "said"), [
    ("http", "127.0.0.1:1", "", (), ""), ("http", "127.0.0.1:1", "sécret", (), HEADER),
    ("http", "127.0.0.1:1", "a\tb", (), HEADER), ("http", "nas:1", "s3cret", (), ""),
    ("http", "nas:1", "", ("::1",), f"{STRANGERS}: set HUSHD_HTTP_TOKEN or [http] token_file, or use 127.0.0.1."),
    ("wyoming", "tcp://127.0.0.1:1", "sécret", (), ""),
    ("wyoming", "tcp://nas:1", "", ("::1",), ""),
    ("wyoming", "tcp://nas:1", "s3cret", (), f"{STRANGERS}, and Wyoming has no token: name the allowed addresses "
     'in [wyoming] allow, such as ["192.168.1.5"].'),
])  # fmt: skip
def test_strangers_need_a_token_or_a_place_in_the_list(
    kind: Kind, text: str, token: str, allow: tuple[str, ...], said: str
) -> None:
    """HTTP's a token that a header can carry, Wyoming's, which has none, an address that is allowed."""
    settings = Settings(wyoming=WyomingSettings(allow=allow))
    if not said:
        access.check(parse(kind, text), settings, token)
        return
    with hushd_error("bad_request", said=said.format(text)):
        access.check(parse(kind, text), settings, token)


def test_an_address_needs_the_packages_of_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them."""
    monkeypatch.setattr(access, "PACKAGES", {"http": ("json", "hushd_nosuch"), "wyoming": ("json",)})
    access.check_packages("wyoming", "tcp://:1")
    with pytest.raises(HushdError) as caught:
        access.check(parse("http", "1"), Settings(), "")
    said = "127.0.0.1:1 needs packages that are not installed: run pip install 'hushd[http]'."
    assert (caught.value.code, caught.value.message) == ("engine_missing", said)


@pytest.mark.parametrize(("kind", "text", "who"), [
    ("http", "localhost:1", ""), ("http", "nas:1", "with the token"),
    ("wyoming", "tcp://nas:1", "at 10.0.0.1, 10.0.0.2"),
])  # fmt: skip
def test_an_address_that_strangers_reach_is_told(kind: Kind, text: str, who: str) -> None:
    settings = Settings(wyoming=WyomingSettings(allow=("10.0.0.1", "10.0.0.2")))
    said = f"programs beyond this machine can reach {text}, {who}, and nothing is encrypted on the way"
    assert access.warning(parse(kind, text), settings) == (said if who else "")


def test_the_addresses_are_those_of_both_tables() -> None:
    settings = Settings(http=HttpSettings(listen=("1", "2")), wyoming=WyomingSettings(listen=("3",)))
    assert access.addresses(settings) == [parse("http", "1"), parse("http", "2"), parse("wyoming", "3")]
