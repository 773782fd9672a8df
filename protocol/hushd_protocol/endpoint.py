"""The address of a supervisor on another machine, `tcp+curve://KEY@HOST:PORT`, and public keys as text.

A key is written in base32: it has no sign that means something to a shell or an address, does not begin like an option,
and a double click selects all of it.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from .errors import HushdError
from .suggest import quoted

SCHEME = "tcp+curve://"
KEY_BYTES = 32
_KEY_TEXT = 52  # characters of a key
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.%a-z]+\]|[^\[\]:/@\s]*):([0-9]{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A supervisor on another machine: its public key, and where it listens."""

    key: bytes
    host: str
    port: int

    @property
    def place(self) -> str:
        """`HOST:PORT`, for people."""
        return place(self.host, self.port)

    def __str__(self) -> str:
        return f"{SCHEME}{key_text(self.key)}@{self.place}"


def parse(text: str) -> Endpoint:
    """Returns the endpoint that `text` names.

    Raises:
        HushdError: `bad_request`.
    """
    if text.startswith("tcp://"):
        raise HushdError(
            "bad_request",
            f"Plain TCP ({quoted(text)}) is neither encrypted nor bound to a key: use tcp+curve://KEY@HOST:PORT, as "
            "`hushd keys allow` prints it on that machine.",
        )
    key, at, address = text.removeprefix(SCHEME).partition("@")
    parts = split_address(address)
    if not text.startswith(SCHEME) or not at or parts is None or not all(parts):
        raise HushdError(
            "bad_request",
            f"{quoted(text)} names no supervisor: use tcp+curve://KEY@HOST:PORT, as `hushd keys allow` prints it on "
            "that machine.",
        )
    return Endpoint(read_key(key), *parts)


def split_address(text: str) -> tuple[str, int] | None:
    """Returns host and port of `HOST:PORT`, an IPv6 address without its brackets; None for any other text."""
    match = _HOST_PORT.fullmatch(text)
    if match is None or int(match[2]) > 65535:
        return None
    return match[1].strip("[]"), int(match[2])


def place(host: str, port: int) -> str:
    """Returns `HOST:PORT`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def key_text(key: bytes) -> str:
    """Returns a key as people copy it."""
    return base64.b32encode(key).decode().rstrip("=").lower()


def read_key(text: str) -> bytes:
    """Returns the key that `text` is.

    Raises:
        HushdError: `bad_request`; the text, which may be a secret, is not repeated.
    """
    try:
        if len(text) != _KEY_TEXT or not text.isascii():
            raise ValueError
        return base64.b32decode(text.upper() + "====")
    except ValueError:
        raise HushdError(
            "bad_request",
            f"A key has {_KEY_TEXT} letters and digits, as `hushd keys generate` prints it, and this one has "
            f"{len(text)}{'' if len(text) != _KEY_TEXT else ' but other signs among them'}: copy it again.",
        ) from None
