"""Those whom the addresses in the configuration let in, and what these addresses need before anybody listens there.

Only programs on this machine reach a loopback address. Beyond it HTTP needs a token, and Wyoming, which has none, a
list of the networks that may connect.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from hushd_protocol.errors import HushdError

from .address import Address, Kind, parse
from .tables import HTTP_TOKEN, Settings

# The gateway, which can be left out, and what it needs.
PACKAGES = {"http": ("hushd_gateway", "starlette", "uvicorn", "wsproto"), "wyoming": ("hushd_gateway", "wyoming")}


def read_token(settings: Settings) -> str:
    """The content of `[http] token_file`, the secret of HTTP requests; empty for none.

    Raises:
        HushdError: `bad_request` when the file cannot be read, is empty, or is open to others.
    """
    if not settings.http.token_file:
        return ""
    path = Path(settings.http.token_file).expanduser()
    try:
        with open(path, encoding="ascii") as file:
            exposed = os.fstat(file.fileno()).st_mode & 0o077
            token = file.read(4096).strip()
    except (OSError, ValueError) as error:
        raise HushdError("bad_request", f"The token file {path} cannot be read ({error}).") from error
    if not token or exposed:
        fault = "is open to other users: make its mode 0600" if exposed else "is empty: write a secret into it"
        raise HushdError("bad_request", f"The token file {path} {fault}.")
    return token


def addresses(settings: Settings) -> list[Address]:
    """The addresses in the configuration.

    Raises:
        HushdError: `bad_request`.
    """
    named: Sequence[tuple[Kind, Sequence[str]]] = (
        ("http", settings.http.listen),
        ("wyoming", settings.wyoming.listen),
    )
    return [parse(kind, text) for kind, texts in named for text in texts]


def check(address: Address, settings: Settings, token: str) -> None:
    """Refuses an address that strangers can reach without a token, or without a list of networks.

    Raises:
        HushdError: `bad_request`; `engine_missing` where the gateway's packages are not installed.
    """
    check_packages(address.kind, address.text)
    if address.is_local:
        return
    if address.kind == "http" and not token:
        raise HushdError(
            "bad_request",
            f"Whoever can reach {address.text} could use hushd: set {HTTP_TOKEN} or [http] token_file, or use "
            "127.0.0.1.",
        )
    if address.kind == "wyoming" and not settings.wyoming.allow:
        raise HushdError(
            "bad_request",
            f"Whoever can reach {address.text} could use hushd, and Wyoming knows no token: name those who may in "
            '[wyoming] allow, such as ["192.168.1.5"].',
        )


def check_packages(kind: Kind, text: str) -> None:
    """Refuses the address `text` where the gateway's packages for it are not installed.

    Raises:
        HushdError: `engine_missing`.
    """
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
