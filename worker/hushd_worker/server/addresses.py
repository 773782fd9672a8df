"""Finds addresses for servers, and looks up who listens on a port."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from pathlib import Path

from hushd_protocol.system import paths
from hushd_protocol.system.lifeline import remove_left

_SOCK_DIAG, _BY_FAMILY, _DUMP = 4, 20, 0x301  # constants of linux/netlink.h and linux/sock_diag.h
_LISTENS = 10  # TCP_LISTEN, of tcp_states.h


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def socket_path() -> Path:
    runtime = paths.find().runtime
    with contextlib.suppress(OSError):
        runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    remove_left(runtime, "server-*.sock")
    return runtime / f"server-{os.urandom(2).hex()}-{os.getpid()}.sock"


def listeners(port: int) -> set[str] | None:
    """Returns the inodes of the sockets that listen on a port; None where the kernel does not tell, as outside Linux.

    It asks the kernel by netlink, in 0.1 ms: psutil, which reads /proc/net/tcp, takes 20 ms for each process.
    """
    inodes: set[str] = set()
    if not hasattr(socket, "AF_NETLINK"):
        return None
    with contextlib.suppress(OSError), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        for family in (socket.AF_INET, socket.AF_INET6):
            asked = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, 1 << _LISTENS)
            asked += struct.pack("!HH", port, 0) + bytes(44)
            kernel.send(struct.pack("=IHHII", 16 + len(asked), _BY_FAMILY, _DUMP, 0, 0) + asked)
            ended = False
            while not ended:
                answer = kernel.recv(65_536)
                while len(answer) >= 16:
                    size, kind = struct.unpack_from("=IH", answer)
                    if kind == _BY_FAMILY and struct.unpack_from("!H", answer, 20)[0] == port:
                        inodes.add(str(struct.unpack_from("=I", answer, 84)[0]))
                    ended = ended or kind != _BY_FAMILY
                    answer = answer[(size + 3) & ~3 :]
        return inodes
    return None


def sockets(pid: str) -> set[str]:
    """Returns the inodes of the sockets that a process has open."""
    inodes = set()
    with contextlib.suppress(OSError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{number}")
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
    return inodes
