"""Parses addresses to listen at, as in the configuration and at the command line."""

from __future__ import annotations

import ipaddress
from typing import Literal

from hushd_protocol.endpoint import split_address
from hushd_protocol.errors import HushdError
from hushd_protocol.hosts import is_loopback
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.suggest import quoted

Kind = Literal["http", "wyoming"]
_WANTED = {
    "http": "HOST:PORT or unix:///PATH, such as 127.0.0.1:8000",
    "wyoming": "tcp://HOST:PORT or unix:///PATH, such as tcp://127.0.0.1:10300",
}


@dataclass(frozen=True, slots=True)
class Address:
    """An address to listen at: `host` and `port`, or `path` unless it is empty; `text` is as the user wrote it, with a
    host before a port that stood alone."""

    kind: Kind
    text: str
    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def is_local(self) -> bool:
        """True if only programs on this machine can connect."""
        return bool(self.path) or is_loopback(self.host)


def parse(kind: Kind, text: str) -> Address:
    """Returns the address that `text` names; a port alone is one of 127.0.0.1.

    Raises:
        HushdError: `bad_request`.
    """
    if text.isascii() and text.isdigit():
        text = f"{'tcp://' if kind == 'wyoming' else ''}127.0.0.1:{text}"
    if text.startswith("unix:///") and len(text) > 8:
        return Address(kind, text, path=text[7:])
    rest = text.removeprefix("tcp://") if kind == "wyoming" else text.removeprefix("http://").removesuffix("/")
    parts = split_address(rest)
    if parts is None or (kind == "wyoming" and rest == text):
        raise HushdError("bad_request", f"{quoted(text)} is not an address for {kind}: use {_WANTED[kind]}.")
    return Address(kind, text, *parts)


def networks(allow: tuple[str, ...]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Returns the networks and addresses that `allow` names.

    Raises:
        HushdError: `bad_request`.
    """
    allowed = []
    for text in allow:
        try:
            allowed.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise HushdError(
                "bad_request", f"{quoted(text)} is not an address or network, such as 192.168.1.5 or 10.0.0.0/8."
            ) from None
    return allowed
