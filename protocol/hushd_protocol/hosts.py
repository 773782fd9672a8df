"""Names of machines: those by which a web page may call this one, and addresses to listen at or to ask by ssh.

A hostile page can make its own host name resolve to 127.0.0.1, and then has the same origin as hushd (DNS rebinding).
Its requests still carry that name in `Host`, so they are refused. An address cannot be rebound.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .errors import HushdError
from .suggest import quoted

SCHEME = "ssh://"
_HOST = r"\[[0-9A-Fa-f:.%a-z]+\]|[^\[\]:/@\s]*"
_HOST_PORT = re.compile(rf"({_HOST}):([0-9]{{1,5}})", re.ASCII)
_PLACE = re.compile(rf"(?:([^\s@/:-][^\s@/:]*)@)?(?!-)({_HOST})(?::([0-9]{{1,5}}))?/?", re.ASCII)


def is_allowed(host: str, names: Collection[str] = ()) -> bool:
    """Returns whether `host`, the value of a `Host` header, is an address, localhost, or one of the user's `names`."""
    name = _without_port(host.strip(" \t").lower()).rstrip(".")
    return name == "localhost" or name.endswith(".localhost") or name in names or _is_address(name)


def is_loopback(host: str) -> bool:
    """Returns whether `host`, a name or address to listen at, can only be reached from this machine."""
    if host == "localhost":
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Returns the headers by name; a repeated header has both values, and so matches nothing."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1").lower(), value.strip(b" \t").decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def sent_secrets(authorization: str, api_key: str) -> tuple[str, ...]:
    """Returns the secrets in a request's headers `Authorization: Bearer SECRET` and `x-api-key: SECRET`."""
    scheme, _, bearer = authorization.partition(" ")
    return tuple(filter(None, (bearer.strip(" \t") if scheme.lower() == "bearer" else authorization, api_key)))


def same_secret(sent: str | bytes, secret: str) -> bool:
    """Returns whether a sent text is `secret`; the time of the comparison does not reveal how much of it is right."""
    import hmac  # noqa: PLC0415 - loads OpenSSL, 4 MB that the supervisor needs for nothing else

    return hmac.compare_digest(
        sent.encode(errors="backslashreplace") if isinstance(sent, str) else sent, secret.encode()
    )


def _without_port(host: str) -> str:
    if host.startswith("["):
        name, end, port = host[1:].partition("]")
        return name if end and (not port or (port[0] == ":" and _is_port(port[1:]))) else host
    name, _, port = host.rpartition(":")
    return name if _is_port(port) else host


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def invitation(kind: str, address: str) -> str:
    """Returns the line that tells people how to reach the address `address`; empty for a socket's path."""
    if address.startswith("unix:"):
        return ""
    host, _, port = address.removeprefix("tcp://").removeprefix("http://").rstrip("/").rpartition(":")
    host = reachable(host)
    if kind == "http":
        return f"Open http://{host}:{port}/ in a browser; programs of OpenAI's API use http://{host}:{port}/v1."
    return f"Wyoming: tcp://{host}:{port}"


def reachable(host: str) -> str:
    """Returns the host by which programs of this machine reach a listener at `host`, which may mean every address."""
    if host in ("", "0.0.0.0"):
        return "127.0.0.1"
    return {"::": "::1", "[::]": "[::1]"}.get(host, host)


# --- addresses ---


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
    """Returns the endpoint that `text` names. Raises `bad_request`."""
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
