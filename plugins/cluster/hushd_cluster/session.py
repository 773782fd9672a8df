"""Connects this process to the cluster as a driver."""

from __future__ import annotations

import atexit
import io
import logging
import os
import secrets
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import ray
from hushd.transport.waiting import next_item
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError
from ray._private import worker as ray_worker

CLUSTER_CONNECT_TIMEOUT_S = 5.0
BEGIN_TIMEOUT_S, SHUTDOWN_TIMEOUT_S = 120.0, 15.0
BEGINNING_INTERVAL_S = 1.0
_calls: SimpleQueue[Callable[[], None]] = SimpleQueue()  # calls of Ray, for the thread that does them
_has_thread = False
_given_up = False  # whether work of Ray's goes on of which nobody waits for the end
# Ray writes news of nodes to standard output and error, which should have only results and one-sentence errors, and
# reports its use to its makers.
_QUIET = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_SERVE_LOG_TO_STDERR": "0", "RAY_USAGE_STATS_ENABLED": "0"}


class _StuckError(Exception):
    """Ray has not begun in time."""


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
            _within(ray.shutdown, SHUTDOWN_TIMEOUT_S, "Ray ends")


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
    except _StuckError:
        where = f"Ray at {named}" if named else "Ray on this machine"
        raise HushdError(
            "no_supervisor",
            f"{where} did not begin within {BEGIN_TIMEOUT_S:g} s: look with `ray status`, or name another node with "
            "--address HOST:PORT.",
        ) from None
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
    options |= {"log_to_driver": False, "configure_logging": False, "logging_level": logging.CRITICAL}
    if not _within(partial(ray.init, **options, namespace="hushd"), BEGIN_TIMEOUT_S, "Ray begins"):
        raise _StuckError


def _within(work: Callable[[], object], timeout: float, title: str) -> bool:
    """Does something of Ray's beside the main thread, since it may not come back, nor let Ctrl-C through; returns
    whether it was done within `timeout` seconds, and raises its errors. Progress is shown.

    One thread does all of it, and lives as long as this process: Ray's processes end with the thread that has started
    them. After work that was given up nothing more is asked of Ray: this process may end at once, and Ray's reaper ends
    the others.
    """
    global _given_up, _has_thread
    if _given_up:
        return False
    line, begun = console.StatusLine(), time.monotonic()
    outcomes: SimpleQueue[BaseException | None] = SimpleQueue()

    def run() -> None:
        try:
            work()
        except BaseException as error:
            outcomes.put(error)
        else:
            outcomes.put(None)

    _given_up = True
    try:
        _calls.put(run)
        if not _has_thread:
            _has_thread = True
            threading.Thread(target=_run_calls, name="hushd-ray", daemon=True).start()
        while (left := begun + timeout - time.monotonic()) > 0:
            try:
                outcome = next_item(outcomes, min(left, BEGINNING_INTERVAL_S))
            except Empty:
                line.show(lambda _: f"{title}: {time.monotonic() - begun:.0f} s")
                continue
            _given_up = False
            if outcome:
                raise outcome
            return True
    finally:
        line.clear()
        if _given_up:
            atexit.unregister(ray_worker.shutdown)
    return False


def _run_calls() -> None:
    while True:
        _calls.get()()


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
