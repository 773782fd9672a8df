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
    zmq.SNDTIMEO: "send_timeout",
    zmq.RCVTIMEO: "receive_timeout",
}


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
    send_timeout: int = -1
    receive_timeout: int = -1

    def set(self, option: int, value: int | bytes) -> None:
        """Raises KeyError for an option that is not simulated."""
        setattr(self, _NAMES[zmq.SocketOption(option)], value)

    def get(self, option: int) -> int | bytes:
        """Raises KeyError for an option that is not simulated."""
        value: int | bytes = getattr(self, _NAMES[zmq.SocketOption(option)])
        return value
