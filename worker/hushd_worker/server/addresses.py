"""Finds addresses for servers, and looks up who listens on a port."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from pathlib import Path

from hushd_protocol.system import paths

_LISTENS = "0A"  # TCP_LISTEN, of tcp_states.h


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def socket_path() -> Path:
    runtime = paths.find().runtime
    with contextlib.suppress(OSError):
        runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in runtime.glob("server-*.sock"):  # of workers that were killed
        if not os.path.exists(f"/proc/{path.stem.split('-')[1]}"):
            path.unlink(missing_ok=True)
    return runtime / f"server-{os.getpid()}-{secrets.token_hex(2)}.sock"


def listeners(port: int) -> set[str]:
    """Returns the inodes of the sockets that listen on a port; none outside Linux."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table) as lines:
            for _, local, _, state, _, _, _, _, _, inode, *_ in map(str.split, lines):
                if state == _LISTENS and local.endswith(f":{port:04X}"):
                    inodes.add(inode)
    return inodes


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
