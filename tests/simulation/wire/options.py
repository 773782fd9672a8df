"""The options of a socket, as its sessions and engines read them."""

from __future__ import annotations

from dataclasses import dataclass

import zmq

_NAMES = {
    zmq.SNDHWM: "send_high",
    zmq.RCVHWM: "receive_high",
    zmq.LINGER: "linger",
    zmq.MAXMSGSIZE: "max_size",
    zmq.RECONNECT_IVL: "reconnect_ivl",
    zmq.RECONNECT_IVL_MAX: "reconnect_ivl_max",
    zmq.HANDSHAKE_IVL: "handshake_ivl",
    zmq.HEARTBEAT_IVL: "heartbeat_ivl",
    zmq.HEARTBEAT_TIMEOUT: "heartbeat_timeout",
    zmq.HEARTBEAT_TTL: "heartbeat_ttl",
    zmq.ROUTING_ID: "route",
    zmq.ROUTER_MANDATORY: "mandatory",
    zmq.USE_FD: "use_fd",
    zmq.IPV6: "ipv6",
    zmq.CURVE_SERVER: "curve_server",
    zmq.CURVE_PUBLICKEY: "curve_public",
    zmq.CURVE_SECRETKEY: "curve_secret",
    zmq.CURVE_SERVERKEY: "curve_other",
    zmq.ZAP_DOMAIN: "zap_domain",
    zmq.ZAP_ENFORCE_DOMAIN: "zap_enforced",
    zmq.SNDTIMEO: "send_timeout",
    zmq.RCVTIMEO: "receive_timeout",
}
_KEYS = ("curve_public", "curve_secret", "curve_other")


@dataclass
class Options:
    """Milliseconds, messages and bytes, as libzmq has them."""

    send_high: int = 1000
    receive_high: int = 1000
    linger: int = -1
    max_size: int = -1
    reconnect_ivl: int = 100
    reconnect_ivl_max: int = 0
    handshake_ivl: int = 30_000
    heartbeat_ivl: int = 0
    heartbeat_timeout: int = -1
    heartbeat_ttl: int = 0
    route: bytes = b""
    mandatory: int = 0
    use_fd: int = -1
    ipv6: int = 0
    curve_server: int = 0
    curve_public: bytes = b""
    curve_secret: bytes = b""
    curve_other: bytes = b""
    zap_domain: bytes = b""
    zap_enforced: int = 0
    send_timeout: int = -1
    receive_timeout: int = -1

    @property
    def mechanism(self) -> str:
        """The name in the greeting."""
        return "CURVE" if self.curve_server or self.curve_other else "NULL"

    @property
    def authenticated(self) -> bool:
        """True if an authenticator is asked."""
        return self.mechanism != "NULL" or bool(self.zap_domain)

    def set(self, option: int, value: int | bytes) -> None:
        """Raises KeyError for an option that is not simulated."""
        name = _NAMES[zmq.SocketOption(option)]
        if name in _KEYS and isinstance(value, bytes) and len(value) == 40:
            from zmq.utils import z85

            value = z85.decode(value)
        setattr(self, name, value)

    def get(self, option: int) -> int | bytes:
        """Raises KeyError for an option that is not simulated."""
        value: int | bytes = getattr(self, _NAMES[zmq.SocketOption(option)])
        return value
