"""The sockets at which the door listens for other programs: its own, or a service manager's.

Only programs on this machine reach a loopback address. Beyond it HTTP needs a token, and Wyoming, which has none, a
list of the networks that may connect.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.machinery import PathFinder
from ipaddress import ip_address
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.hosts import same_secret

from hushd_supervisor.core.serving.address import Address, Kind, networks, parse
from hushd_supervisor.core.serving.door import Http, Rules, Wyoming
from hushd_supervisor.core.settings import Settings

TOKEN = "HUSHD_HTTP_TOKEN"  # the same, as a variable
PACKAGES = {"http": ("starlette", "uvicorn", "wsproto"), "wyoming": ("wyoming",)}  # that the gateway needs
_BACKLOG = 128


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """One listening socket.

    Attributes:
        rules: decide about the first bytes of its connections.
        allows: whether a peer's address may connect.
        lasting: whether it is a service manager's, and outlives us.
        wanted: the address in the configuration, which may name port 0.
    """

    address: Address
    socket: socket.socket
    rules: Rules
    allows: Callable[[str], bool]
    lasting: bool
    wanted: str = ""

    def close(self) -> None:
        """Ends new connections, and removes our own socket from the file system."""
        self.socket.close()
        if self.address.path and not self.lasting:
            Path(self.address.path).unlink(missing_ok=True)


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


def open_all(
    settings: Settings, token: str, passed: Iterable[tuple[str, int]] = (), before: Iterable[Listener] = ()
) -> list[Listener]:
    """Opens the sockets that the configuration names, beside those that a service manager has `passed` by name.

    Args:
        before: listeners that exist: the manager's stay, and ours whose address is still in the configuration.

    Raises:
        HushdError: `bad_request` for an address that cannot be used, or must not without a token or a list. Then all
            of `before` are as they were.
    """
    listeners: list[Listener] = []
    opened: list[Listener] = []
    try:
        ends = [(listener.address, listener.socket) for listener in before if listener.lasting]
        ends += [_adopt(name, descriptor) for name, descriptor in passed]
        listeners += [_listener(address, end, settings, token, lasting=True) for address, end in ends]
        there = {(address.kind, address.host, address.port, address.path) for address, _ in ends}
        ours = {listener.wanted: listener for listener in before if not listener.lasting}
        for address in addresses(settings):
            if (address.kind, address.host, address.port, address.path) in there:
                continue
            if address.text in ours:
                kept = ours[address.text]
                found = _listener(kept.address, kept.socket, settings, token, wanted=address.text)
            else:
                found = _open(address, settings, token)
                opened.append(found)
            listeners.append(found)
    except HushdError:
        for listener in opened:
            listener.close()
        raise
    return listeners


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
            f"Whoever can reach {address.text} could use hushd: set {TOKEN} or [http] token_file, or use 127.0.0.1.",
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


def _open(address: Address, settings: Settings, token: str) -> Listener:
    check(address, settings, token)
    end = _bind_path(address.path, address.text) if address.path else bind(address.host, address.port, address.text)
    return _listener(_with_port(address, end), end, settings, token, wanted=address.text)


def _listener(
    address: Address, end: socket.socket, settings: Settings, token: str, *, lasting: bool = False, wanted: str = ""
) -> Listener:
    check(address, settings, token)
    end.setblocking(False)
    if address.kind == "http":
        rules = Http(frozenset(name.lower() for name in settings.http.hosts), _authorisation(token))
        return Listener(address, end, rules, lambda _: True, lasting, wanted)
    return Listener(address, end, Wyoming(), _admission(settings, address), lasting, wanted)


def _authorisation(token: str) -> Callable[[bytes], bool]:
    if not token:
        return lambda _: True
    wanted = f"Bearer {token}"
    return lambda value: same_secret(value, wanted)


def _admission(settings: Settings, address: Address) -> Callable[[str], bool]:
    """Returns a predicate of a peer's address: programs on this machine, and those of the networks in the list."""
    allowed = networks(tuple(settings.wyoming.allow))
    if address.is_local:
        return lambda _: True

    def allows(peer: str) -> bool:
        found = ip_address(peer.partition("%")[0])
        found = getattr(found, "ipv4_mapped", None) or found
        return found.is_loopback or any(found in network for network in allowed)

    return allows


def _with_port(address: Address, end: socket.socket) -> Address:
    """The address with the port that the system has chosen, where it names port 0."""
    if address.path or address.port:
        return address
    port = end.getsockname()[1]
    return replace(address, port=port, text=f"{address.text.removesuffix('0')}{port}")


def bind(host: str, port: int, text: str) -> socket.socket:
    """Returns a TCP socket that listens there; `text` is the address as the user wrote it.

    Raises:
        HushdError: `bad_request`.
    """
    try:
        (family, kind, _, _, where), *_ = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        end = socket.socket(family, kind)
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            end.bind(where)
            end.listen(_BACKLOG)
        except OSError:
            end.close()
            raise
        return end
    except OSError as error:
        raise _cannot_listen(text, error) from error


def _cannot_listen(text: str, error: OSError) -> HushdError:
    return HushdError("bad_request", f"hushd cannot listen at {text} ({error.strerror}): choose another address.")


def _bind_path(path: str, text: str) -> socket.socket:
    """Replaces only a socket at which nobody listens, such as one that a killed supervisor has left."""
    end = socket.socket(socket.AF_UNIX)
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(path) != 0 and Path(path).is_socket():
                Path(path).unlink()
        end.bind(path)  # 0600, by the umask
        end.listen(_BACKLOG)
    except OSError as error:
        end.close()
        raise _cannot_listen(text, error) from error
    return end


def _adopt(name: str, descriptor: int) -> tuple[Address, socket.socket]:
    """Takes a service manager's socket; its name begins with the kind."""
    kind: Kind = "wyoming" if name.startswith("wyoming") else "http"
    try:
        end = socket.socket(fileno=descriptor)
        listens = end.type == socket.SOCK_STREAM and end.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        listens = 0
    if not listens:
        raise HushdError("bad_request", f"The service manager's socket {name} does not listen: check its unit.")
    where = end.getsockname()
    if isinstance(where, str):
        return Address(kind, f"unix://{where}", path=where), end
    host, port = where[:2]
    shown = f"[{host}]" if ":" in host else host
    return Address(kind, f"{'tcp://' if kind == 'wyoming' else ''}{shown}:{port}", host, port), end
