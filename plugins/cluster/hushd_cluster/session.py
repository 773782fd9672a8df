"""Connects this process to the cluster as a driver."""

from __future__ import annotations

import io
import logging
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import ray
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError

CLUSTER_CONNECT_TIMEOUT_S = 5.0
# Ray writes news of nodes to standard output and error, which should have only results and one-sentence errors, and
# reports its use to its makers.
_QUIET = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_SERVE_LOG_TO_STDERR": "0", "RAY_USAGE_STATS_ENABLED": "0"}


@contextmanager
def connected(address: str | None, *, or_local: bool = False) -> Iterator[None]:
    """Connects to the cluster at `address`; if empty, to the one from RAY_ADDRESS or this machine's `ray start`.
    Raises `no_supervisor` if there is none.

    Args:
        or_local: if no address is given and no cluster is here, starts one of this machine alone, which ends with
            the block.
    """
    os.environ |= _QUIET
    console.silence_libraries()
    with redirect_stdout(io.StringIO()):  # `console` writes to the descriptor, not here
        try:
            _connect(address or os.environ.get("RAY_ADDRESS"), or_local)
            yield
        finally:
            ray.shutdown()


def alive() -> list[dict[str, object]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _connect(named: str | None, or_local: bool) -> None:
    try:
        try:
            _check(named or _last())
            _begin(address=named or "auto")
        except (OSError, RuntimeError, ray.exceptions.RayError):  # there is none, or one with another's token
            if named or not or_local:
                raise
            _keep_to_ourselves()
            console.complain("No Ray cluster was found: this machine works alone, with Ray until the end.")
            _begin(address="local", include_dashboard=False)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        where = f"at {named}" if named else "on this machine"
        if "InvalidAuthToken" in str(error.__cause__):
            raise HushdError(
                "no_supervisor",
                f"The Ray cluster {where} asks for its token: copy ~/.ray/auth_token from its head node.",
            ) from error
        raise HushdError(
            "no_supervisor",
            f"No Ray cluster was found {where}: start one with `ray start --head`, or name one of its nodes with "
            "--address HOST:PORT.",
        ) from error
    logging.getLogger("ray").setLevel(logging.CRITICAL)


def _keep_to_ourselves() -> None:
    """Begins this program anew with a token: Ray's ports are open to all, and it looks for one when it is imported."""
    if os.environ.get("RAY_AUTH_MODE") != "token":
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        os.dup2(console.errors(), 2)  # libraries were kept off it, and the new program would be, too
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _begin(**options: Any) -> None:
    ray.init(**options, log_to_driver=False, configure_logging=False, logging_level=logging.CRITICAL, namespace="hushd")


def _last() -> str:
    """Returns the address in Ray's note of this machine's last cluster, which may be gone; empty if there is none."""
    try:
        return Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir(), "ray", "ray_current_cluster").read_text()
    except OSError:
        return ""


def _check(address: str) -> None:
    """Raises OSError if no process listens at HOST:PORT: Ray itself retries for minutes."""
    host, _, port = address.strip().rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), CLUSTER_CONNECT_TIMEOUT_S).close()
