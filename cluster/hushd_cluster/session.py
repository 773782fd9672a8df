"""This process as one of the cluster's drivers."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import ray
from hushd.cli import console
from hushd_protocol.errors import HushdError, reason

# Ray writes what befalls its nodes to both standard outputs; ours has results, and errors of one sentence.
_QUIET = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_SERVE_LOG_TO_STDERR": "0"}


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connects to the cluster at `address`, or else to the one that RAY_ADDRESS or this machine's `ray start` names.

    Raises:
        HushdError: `no_supervisor` where there is none.
    """
    os.environ |= _QUIET
    console.silence_libraries()
    with redirect_stdout(io.StringIO()):  # `console` writes to the descriptor
        _connect(address)
        try:
            yield
        finally:
            ray.shutdown()


def _connect(address: str | None) -> None:
    try:
        ray.init(
            address=address or os.environ.get("RAY_ADDRESS") or "auto",
            log_to_driver=False,
            configure_logging=False,
            logging_level=logging.CRITICAL,
            namespace="hushd",
        )
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        where = f" at {address}" if address else ""
        raise HushdError(
            "no_supervisor",
            f"No Ray cluster was found{where} ({reason(error)[:80]}): start one with `ray start --head`, "
            "or name one of its nodes with --address.",
        ) from error
    logging.getLogger("ray").setLevel(logging.CRITICAL)


def alive() -> list[dict[str, object]]:
    """The nodes that are there, as Ray describes them."""
    return [found for found in ray.nodes() if found["Alive"]]
