"""The names by which a program on the web may call this machine.

A page of a stranger's can make its own host name resolve to 127.0.0.1, and then counts as of the same origin as hushd
(DNS rebinding). Its requests still carry that name in `Host`, and so they are refused. An address cannot be rebound.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection


def is_allowed(host: str, names: Collection[str] = ()) -> bool:
    """Whether `host`, the value of a `Host` header, is an address, localhost, or one of the user's `names`."""
    name = _without_port(host.strip().lower()).rstrip(".")
    return name == "localhost" or name.endswith(".localhost") or name in names or _is_address(name)


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach `host`, a name or an address to listen at."""
    if host == "localhost":
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def same_secret(sent: str | bytes, secret: str) -> bool:
    """Whether what was sent is `secret`, compared in a time that says nothing about how much of it is right."""
    import hmac  # with all of OpenSSL, 4 MB that the supervisor has no other use for

    return hmac.compare_digest(sent.encode() if isinstance(sent, str) else sent, secret.encode())


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, _, port = host.rpartition(":")
    return name if port.isascii() and port.isdigit() else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
