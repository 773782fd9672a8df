"""The sockets at which the door listens for other programs: its own, or a service manager's."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.suggest import quoted
from hushd_protocol.system import best_effort
from hushd_schema.settings import Settings, access
from hushd_schema.settings.access import Address, Kind
from msgspec import structs

_BACKLOG = 128


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """One listening socket.

    Attributes:
        lasting: whether it is a service manager's, which outlives us.
        configured: the address in the configuration, which may name port 0.
    """

    address: Address
    socket: socket.socket
    lasting: bool
    configured: str = ""

    def close(self) -> None:
        """Closes the socket, and removes our own from the file system."""
        self.socket.close()
        if self.address.path and not self.lasting:
            with best_effort.writing(self.address.path):
                Path(self.address.path).unlink(missing_ok=True)

    def drop_waiting(self) -> int:
        """Closes the connections in the backlog; returns their number."""
        count = 0
        try:
            while True:
                self.socket.accept()[0].close()
                count += 1
        except OSError:  # the system has no more, or no descriptor is left to close them by
            return count


def open_all(
    settings: Settings, token: str, passed: Iterable[tuple[str, int]] = (), old_listeners: Iterable[Listener] = ()
) -> list[Listener]:
    """Opens the sockets that the configuration names, and adopts those that a service manager has `passed` by name.
    Raises `bad_request` for an address that cannot be used, or must not be without a token or a list. Then
    `old_listeners` are unchanged.

    Args:
        old_listeners: the existing listeners; the manager's are reused, and ours that are still configured.
    """
    listeners: list[Listener] = []
    opened: list[Listener] = []
    try:
        ends = [(listener.address, listener.socket) for listener in old_listeners if listener.lasting]
        ends += [_adopt(name, descriptor) for name, descriptor in passed]
        listeners += [_listener(address, end, settings, token, lasting=True) for address, end in ends]
        passed_addresses = {address.endpoint for address, _ in ends}
        our_listeners = {listener.configured: listener for listener in old_listeners if not listener.lasting}
        for address in access.addresses(settings):
            if address.endpoint in passed_addresses:
                continue
            if address.text in our_listeners:
                old = our_listeners[address.text]
                listener = _listener(old.address, old.socket, settings, token, configured=address.text)
            else:
                listener = _open(address, settings, token)
                opened.append(listener)
            listeners.append(listener)
    except HushdError:
        for listener in opened:
            listener.close()
        raise
    return listeners


def for_agents(path: Path) -> Listener:
    """Returns a listener at `path`, which is this user's alone, for the requests of agents that the gateway passes on.
    Raises OSError."""
    end = _bind_path(str(path))
    end.setblocking(False)
    return Listener(Address("mcp", f"unix://{path}", path=str(path)), end, lasting=False)


def _open(address: Address, settings: Settings, token: str) -> Listener:
    access.check(address, settings, token)
    with os_errors_as("bad_request", f"hushd cannot listen at {address.text}", "choose another address"):
        end = _bind_path(address.path) if address.path else _bind(address.host, address.port)
    return _listener(_with_port(address, end), end, settings, token, configured=address.text)


def _listener(
    address: Address, end: socket.socket, settings: Settings, token: str, *, lasting: bool = False, configured: str = ""
) -> Listener:
    access.check(address, settings, token)
    end.setblocking(False)
    return Listener(address, end, lasting, configured)


def _with_port(address: Address, end: socket.socket) -> Address:
    """Returns the address, with port 0 replaced by the port that the system has chosen."""
    if address.path or address.port:
        return address
    port = end.getsockname()[1]
    return replace(address, port=port, text=f"{address.text.removesuffix('0')}{port}")


def _bind(host: str, port: int) -> socket.socket:
    """Returns a TCP socket that listens there."""
    (family, _, _, _, where), *_ = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return _listening(family, where)


def _bind_path(path: str) -> socket.socket:
    """Binds a socket at `path`; only replaces one without a listener, such as a killed supervisor's."""
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(path) != 0 and Path(path).is_socket():
            Path(path).unlink()
    return _listening(socket.AF_UNIX, path)  # 0600, by the umask


def _listening(family: int, where: Any) -> socket.socket:
    end = socket.socket(family)
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.bind(where)
        end.listen(_BACKLOG)
    except OSError:
        end.close()
        raise
    return end


def _adopt(name: str, descriptor: int) -> tuple[Address, socket.socket]:
    """Returns a service manager's socket with its address; its name begins with the kind."""
    kind: Kind = "wyoming" if name.startswith("wyoming") else "http"
    try:
        end = socket.socket(fileno=descriptor)
        listens = end.type == socket.SOCK_STREAM and end.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        listens = 0
    if not listens:
        raise HushdError("bad_request", f"The service manager's socket {name} does not listen: check its unit.")
    bound_to = end.getsockname()
    if isinstance(bound_to, str):
        return Address(kind, f"unix://{bound_to}", path=bound_to), end
    host, port = bound_to[:2]
    host_text = f"[{host}]" if ":" in host else host
    return Address(kind, f"{'tcp://' if kind == 'wyoming' else ''}{host_text}:{port}", host, port), end


def address_of(text: str) -> Address:
    """Parses KIND=ADDRESS. Raises `bad_request`."""
    kind, _, address = text.partition("=")
    if kind not in ("http", "wyoming"):
        raise HushdError("bad_request", f"hushd cannot listen at {quoted(text)}: use http=… or wyoming=….")
    return access.parse("http" if kind == "http" else "wyoming", address)


def with_addresses(settings: Settings, addresses: Iterable[Address]) -> Settings:
    """Returns `settings` with further addresses to listen at; skips those that they already name."""
    named = {each.endpoint for each in access.addresses(settings)}
    new = {each.endpoint: each for each in addresses if each.endpoint not in named}.values()
    http = [*settings.http.listen, *(each.text for each in new if each.kind == "http")]
    wyoming = [*settings.wyoming.listen, *(each.text for each in new if each.kind == "wyoming")]
    return structs.replace(
        settings,
        http=structs.replace(settings.http, listen=tuple(http)),
        wyoming=structs.replace(settings.wyoming, listen=tuple(wyoming)),
    )
