"""Connects this process to the cluster as a driver."""

from __future__ import annotations

import io
import logging
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import ray
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError

CONNECT_S = 5.0
# Ray writes news of nodes to standard output and error, which should have only results and one-sentence errors.
_QUIET = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_SERVE_LOG_TO_STDERR": "0"}


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connects to the cluster at `address`; if empty, to the one from RAY_ADDRESS or this machine's `ray start`.

    Raises:
        HushdError: `no_supervisor` if there is none.
    """
    os.environ |= _QUIET
    console.silence_libraries()
    with redirect_stdout(io.StringIO()):  # `console` writes to the descriptor, not here
        _connect(address)
        try:
            yield
        finally:
            ray.shutdown()


def _connect(address: str | None) -> None:
    named = address or os.environ.get("RAY_ADDRESS")
    try:
        _check(named or _last())
        ray.init(
            address=named or "auto",
            log_to_driver=False,
            configure_logging=False,
            logging_level=logging.CRITICAL,
            namespace="hushd",
        )
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


def _last() -> str:
    """Returns the address in Ray's note of this machine's last cluster, which may be gone; empty if one runs here."""
    import psutil

    if any(process.info["name"] == "gcs_server" for process in psutil.process_iter(["name"])):
        return ""
    note = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir(), "ray", "ray_current_cluster")
    try:
        return note.read_text().strip()
    except OSError:
        return ""


def _check(address: str) -> None:
    """Raises OSError if no process listens at HOST:PORT: Ray itself retries for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()


def alive() -> list[dict[str, object]]:
    """Returns Ray's descriptions of the living nodes."""
    return [node for node in ray.nodes() if node["Alive"]]
