"""The addresses to listen at, and who may connect to them: before listening, each must be safe.

Only programs on this machine reach a loopback address. Beyond it, HTTP needs a token, and Wyoming, which has none,
needs a list of networks that may connect.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Literal

from hushd_protocol.errors import HushdError, reason
from hushd_protocol.hosts import is_loopback, split_address
from hushd_protocol.suggest import quoted

from .tables import HTTP_TOKEN, Settings

Kind = Literal["http", "wyoming", "mcp"]  # the last one is between the gateway and the process for agents alone
_WANTED = {
    "http": "HOST:PORT or unix:///PATH, such as 127.0.0.1:8000",
    "wyoming": "tcp://HOST:PORT or unix:///PATH, such as tcp://127.0.0.1:10300",
}


# The packages of the gateway, which may not be installed.
PACKAGES = {"http": ("hushd_gateway", "starlette", "uvicorn", "wsproto"), "wyoming": ("hushd_gateway", "wyoming")}


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
    def endpoint(self) -> tuple[Kind, str, int, str]:
        """The place by which two addresses are the same."""
        return self.kind, self.host, self.port, self.path

    @property
    def is_local(self) -> bool:
        """True if only programs on this machine can connect."""
        return bool(self.path) or is_loopback(self.host)


def parse(kind: Kind, text: str) -> Address:
    """Returns the address that `text` names; a port alone is one of 127.0.0.1. Raises `bad_request`."""
    if text.isascii() and text.isdigit():
        text = f"{'tcp://' if kind == 'wyoming' else ''}127.0.0.1:{text}"
    if text.startswith("unix:///") and len(text) > 8:
        return Address(kind, text, path=text[7:])
    rest = text.removeprefix("tcp://") if kind == "wyoming" else text.removeprefix("http://").removesuffix("/")
    parts = split_address(rest)
    if parts is None or (kind == "wyoming" and rest == text):
        raise HushdError("bad_request", f"{quoted(text)} is not an address for {kind}: use {_WANTED[kind]}.")
    return Address(kind, text, *parts)


def networks(allow: Sequence[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Returns the networks and addresses that `allow` names. Raises ValueError for any other text."""
    return [ipaddress.ip_network(text, strict=False) for text in allow]


def read_token(settings: Settings) -> str:
    """Returns the content of `[http] token_file`, the secret of HTTP requests; empty for none.
    Raises `bad_request` when the file cannot be read, is empty, or is open to others."""
    if not settings.http.token_file:
        return ""
    path = Path(settings.http.token_file).expanduser()
    try:
        with open(path, encoding="ascii") as file:
            exposed = os.fstat(file.fileno()).st_mode & 0o077
            token = file.read(4096).strip()
    except (OSError, ValueError) as error:
        raise HushdError("bad_request", f"The token file {path} cannot be read ({reason(error)}).") from error
    if not token or exposed:
        fault = "is open to other users: make its mode 0600" if exposed else "is empty: write a secret into it"
        raise HushdError("bad_request", f"The token file {path} {fault}.")
    return token


def addresses(settings: Settings) -> list[Address]:
    """Returns the addresses in the configuration. Raises `bad_request`."""
    named: Sequence[tuple[Kind, Sequence[str]]] = (("http", settings.http.listen), ("wyoming", settings.wyoming.listen))
    return [parse(kind, text) for kind, texts in named for text in texts]


def check(address: Address, settings: Settings, token: str) -> None:
    """Refuses an address that strangers can reach without a token, or without a list of networks, and a token that no
    program can send: most cannot encode other characters than ASCII's in a header.
    Raises `bad_request`; `engine_missing` if the gateway's packages are not installed."""
    check_packages(address.kind, address.text)
    if address.kind == "http" and not (token.isascii() and token.isprintable()):
        raise HushdError(
            "bad_request", f"{HTTP_TOKEN} must be of ASCII's letters, digits and signs: no header has others."
        )
    if address.is_local:
        return
    if address.kind == "http" and not token:
        raise HushdError(
            "bad_request",
            f"Anyone who can reach {address.text} could use hushd: set {HTTP_TOKEN} or [http] token_file, or use "
            "127.0.0.1.",
        )
    if address.kind == "wyoming" and not settings.wyoming.allow:
        raise HushdError(
            "bad_request",
            f"Anyone who can reach {address.text} could use hushd, and Wyoming has no token: name the allowed "
            'addresses in [wyoming] allow, such as ["192.168.1.5"].',
        )


def check_packages(kind: Kind, text: str) -> None:
    """Refuses the address `text` if the gateway's packages for it are not installed. Raises `engine_missing`."""
    if not all(map(PathFinder.find_spec, PACKAGES[kind])):
        raise HushdError(
            "engine_missing", f"{text} needs packages that are not installed: run pip install 'hushd[{kind}]'."
        )


def warning(address: Address, settings: Settings) -> str:
    """Returns a sentence about an address that strangers can reach; empty for others."""
    if address.is_local:
        return ""
    who = "with the token" if address.kind == "http" else f"at {', '.join(settings.wyoming.allow)}"
    return f"programs beyond this machine can reach {address.text}, {who}, and nothing is encrypted on the way"
