"""Finds addresses for servers: each start has one of its own, so that two of a kind never share one."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from pathlib import Path

from hushd_protocol.system import paths


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
