"""The address of a supervisor on another machine, `ssh://[USER@]HOST[:PORT]`, and addresses in general."""

from __future__ import annotations

import re

from hushd_protocol.light_dataclass import dataclass

from .errors import HushdError
from .suggest import quoted

SCHEME = "ssh://"
_HOST = r"\[[0-9A-Fa-f:.%a-z]+\]|[^\[\]:/@\s]*"
_HOST_PORT = re.compile(rf"({_HOST}):([0-9]{{1,5}})", re.ASCII)
_PLACE = re.compile(rf"(?:([^\s@/:-][^\s@/:]*)@)?(?!-)({_HOST})(?::([0-9]{{1,5}}))?/?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A machine as ssh knows it; an empty `user` and a `port` of 0 leave the choice to ssh."""

    user: str
    host: str
    port: int

    @property
    def words(self) -> list[str]:
        """The arguments that name the machine on ssh's command line."""
        port = ["-p", str(self.port)] if self.port else []
        return [*port, "--", f"{self.user}@{self.host}" if self.user else self.host]


def parse(text: str) -> Endpoint:
    """Returns the endpoint that `text` names.

    Raises:
        HushdError: `bad_request`.
    """
    match = _PLACE.fullmatch(text.removeprefix(SCHEME)) if text.startswith(SCHEME) else None
    if match is None or not match[2] or int(match[3] or 0) > 65535:
        raise HushdError("bad_request", f"{quoted(text)} names no machine: use ssh://[USER@]HOST[:PORT].")
    return Endpoint(match[1] or "", match[2].strip("[]"), int(match[3] or 0))


def split_address(text: str) -> tuple[str, int] | None:
    """Returns host and port of `HOST:PORT`, an IPv6 address without its brackets; None for any other text."""
    match = _HOST_PORT.fullmatch(text)
    if match is None or int(match[2]) > 65535:
        return None
    return match[1].strip("[]"), int(match[2])
