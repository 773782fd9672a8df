"""The socket for clients on other machines: TCP, encrypted by CURVE, for the keys of the keyring alone.

It has a libzmq context of its own, so that strangers' handshakes are worked off by another thread than the messages of
this machine's programs, and the keys are asked for nowhere else.
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Callable

import zmq
from hushd_protocol.endpoint import SCHEME, key_text, place
from hushd_protocol.messages import Message
from hushd_protocol.system.keys import public_of
from hushd_schema.settings.address import parse_remote

from hushd_supervisor.core.events import ClientGone
from hushd_supervisor.core.machines import NUMBER, route_from
from hushd_supervisor.system.libzmq.connection_limit import open_files
from hushd_supervisor.system.serving.listeners import bind
from hushd_supervisor.system.sockets.client_socket import ClientSocket

from .keyring import Keyring

CONNECTIONS = 256  # at once, strangers' among them
PART = 12  # of the open files that they may take at most
HANDSHAKES = 64  # at once from one address, until the first message
HANDSHAKE_S = 10.0  # from the connection to its authentication
HEARTBEAT_S = 10.0  # between two signs of life that are asked of an idle connection; it ends after as much again
_DOMAIN = b"hushd"
_AUTHENTICATOR = "inproc://zeromq.zap.01"  # where libzmq asks


class TcpListener:
    """A listening TCP socket; as `lock.ListeningSocket`, as far as a `ConnectionLimit` needs it."""

    explains = lasting = False

    def __init__(self, text: str) -> None:
        end = bind(*parse_remote(text), text)
        host, port = end.getsockname()[:2]
        self.name, self.port = "remote", port
        self.endpoint = f"tcp://{place(host, port)}"
        self.text = f"{SCHEME}{place(host, port)}"
        end.setblocking(False)
        self.fd = end.detach()

    def accept(self) -> socket.socket:
        """Raises OSError: libzmq accepts every connection, and those above the ceiling wait."""
        raise OSError

    def remove(self) -> None:
        """Does nothing: there is no file of it."""


class RemoteSocket(ClientSocket):
    """All connections from other machines. Their routes begin with the name of their key; see `core.machines`.

    Args:
        address: as in the configuration.
        secret: the key of this machine.
        heartbeat: seconds, see `HEARTBEAT_S`.
    """

    def __init__(
        self,
        address: str,
        secret: bytes,
        keyring: Keyring,
        seen: Callable[[str], None],
        heartbeat: float = HEARTBEAT_S,
    ) -> None:
        listener = TcpListener(address)
        self.text, self._port = listener.text, listener.port
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._keyring = keyring
        self._seen = seen
        self._secret = secret
        self._heartbeat_ms = round(1000 * heartbeat)
        self._keys: dict[bytes, str] = {}  # by libzmq's route
        self._full: dict[bytes, bytes] = {}  # routes with the machine's name, by libzmq's
        self._strangers: dict[int, str] = {}  # addresses of the connections without a message yet, by descriptor
        self._crowd: Counter[str] = Counter()  # the number of these of each address
        self.authenticator = self._context.socket(zmq.REP)
        self.authenticator.bind(_AUTHENTICATOR)
        most = min(CONNECTIONS, open_files() // PART)
        super().__init__(self._context, listener, most=most)

    def _secure(self, router: zmq.Socket[bytes]) -> None:
        router.setsockopt(zmq.CURVE_SERVER, 1)
        router.setsockopt(zmq.CURVE_SECRETKEY, self._secret)
        router.setsockopt(zmq.ZAP_DOMAIN, _DOMAIN)
        router.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # without it any key may come while nobody answers
        router.setsockopt(zmq.IPV6, 1)
        router.setsockopt(zmq.HANDSHAKE_IVL, round(1000 * HANDSHAKE_S))
        # A machine that sleeps, or whose cable was pulled, ends no connection: it is asked, and given up; and gives us
        # up by itself when it wakes, once it was asked for nothing in all that time.
        router.setsockopt(zmq.HEARTBEAT_IVL, self._heartbeat_ms)
        router.setsockopt(zmq.HEARTBEAT_TIMEOUT, self._heartbeat_ms)
        router.setsockopt(zmq.HEARTBEAT_TTL, 3 * self._heartbeat_ms)

    @property
    def public(self) -> str:
        """The public key of this machine, as text."""
        return key_text(public_of(self._secret))

    def serves(self, secret: bytes) -> bool:
        """Returns whether this machine's key still is that one."""
        return secret == self._secret

    def authenticate(self, limit: int) -> None:
        """Answers at most `limit` questions of libzmq about keys."""
        for _ in range(limit):
            try:
                request = self.authenticator.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self.check_keys()
            self.authenticator.send_multipart(self._keyring.judge(request))

    def machines(self) -> dict[str, int]:
        """The number of connections of each machine, by name."""
        return dict(Counter(filter(None, map(self._keyring.name, self._keys.values()))))

    def check_keys(self) -> None:
        """Looks at the keys; where they have changed, ends the connections whose key may no longer come, and those that
        have not shown one yet."""
        if self._keyring.refresh():
            self.end_others()

    def end_others(self) -> None:
        """Ends the connections whose key is not in the keyring."""
        for descriptor, route in list(self._routes.items()):
            if not self._keyring.name(self._keys.get(route, "")):
                self._traffic.end(descriptor)
        for descriptor in list(self._strangers):
            self._traffic.end(descriptor)

    def all_gone(self) -> list[ClientGone]:
        """Forgets all connections, which the caller is about to close."""
        return [self._forget(route) for route in list(self._descriptors)]

    def shut(self, linger_ms: int) -> None:
        super().shut(linger_ms)
        self.authenticator.close(linger=0)
        self._context.term()

    def send(self, route: bytes, message: Message) -> ClientGone | None:
        return super().send(route[-NUMBER:], message)

    # --- what differs from this machine's own clients ----------------------------------------------------------------

    def _admit(self, frame: zmq.Frame, route: bytes, descriptor: int) -> bool:
        self._known(descriptor)
        try:
            key = str(frame.get("User-Id"))
        except zmq.ZMQError:  # not authenticated
            return False
        if not (name := self._keyring.name(key)):
            return False
        self._keys[route] = key
        self._full[route] = route_from(name, route)
        self._seen(name)
        return True

    def _may_go_on(self, route: bytes) -> bool:
        return self._keyring.name(self._keys.get(route, "")) != ""

    def _full_route(self, route: bytes) -> bytes:
        return self._full.get(route, route)

    def _forget(self, route: bytes) -> ClientGone:
        gone = super()._forget(route)
        self._full.pop(route, None)
        self._keys.pop(route, None)
        return gone

    def _opened(self, descriptor: int) -> None:
        address = self._peer(descriptor)
        if not address:
            return  # it has left, and its descriptor is another file's already
        super()._opened(descriptor)
        self._strangers[descriptor] = address
        self._crowd[address] += 1
        if self._crowd[address] > HANDSHAKES:
            self._traffic.end(descriptor)

    def _closed(self, descriptor: int) -> None:
        super()._closed(descriptor)
        self._known(descriptor)

    def _known(self, descriptor: int) -> None:
        """Notes that a connection no longer is a stranger's, or has ended."""
        address = self._strangers.pop(descriptor, None)
        if address is not None:
            self._crowd[address] -= 1
            if not self._crowd[address]:
                del self._crowd[address]

    def _peer(self, descriptor: int) -> str:
        """The address at the other end of a connection to our port; empty where the descriptor is none."""
        try:
            with socket.socket(fileno=os.dup(descriptor)) as end:
                if end.family not in (socket.AF_INET, socket.AF_INET6) or end.getsockname()[1] != self._port:
                    return ""
                return str(end.getpeername()[0])
        except OSError:
            return ""
