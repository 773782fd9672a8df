"""Supervisors that speak another version of the protocol: every version can end and replace them."""

from __future__ import annotations

import os

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import OLDEST_PROTOCOL, PROTOCOL
from hushd_protocol.messages import Control

from .call import new_id
from .connection import WELCOME_S, Connection

LEAVE_S = 5.0  # for an idle supervisor to end its workers and exit


def connect(
    path: str | os.PathLike[str], *, holder: str | None = None, patience: float = WELCOME_S, newest: int | None = None
) -> Connection:
    """Connects in the newest version that the supervisor accepts; it serves `messages.control.EVERY_VERSION`.

    A newer supervisor accepts ours, an older one only its own.

    Raises:
        HushdError: as `Connection` does; `version_mismatch` when it accepts none.
    """
    newest = PROTOCOL if newest is None else newest
    for version in range(newest, OLDEST_PROTOCOL, -1):
        try:
            return Connection(path, holder=holder, patience=patience, protocol=version)
        except HushdError as error:
            if error.code != "version_mismatch":
                raise
    return Connection(path, holder=holder, patience=patience, protocol=OLDEST_PROTOCOL)


def replace_older(path: str | os.PathLike[str], mismatch: HushdError) -> None:
    """Ends an idle supervisor of an older version, so that the next one can be started.

    Args:
        mismatch: its answer to our version.

    Raises:
        HushdError: `version_mismatch` when it is newer or busy; others as `Connection` does.
    """
    if PROTOCOL == OLDEST_PROTOCOL:  # there is no older one
        raise mismatch
    connection = connect(path, newest=PROTOCOL - 1)
    try:
        assert connection.supervisor is not None
        if _busy(connection.start(Control(id=new_id(), action="status")).result().data):
            raise HushdError(
                "version_mismatch",
                f"An older supervisor (version {connection.supervisor.version}) runs and is busy: `hushd restart` "
                "replaces it once its work is done.",
            )
        end(connection, "shutdown")
        connection.wait_lost(LEAVE_S)
    finally:
        connection.close()


def end(connection: Connection, action: str) -> None:
    """Sends `shutdown` or `restart`, unless it leaves already; the first supervisors know only `shutdown`, which also
    finishes what runs."""
    try:
        connection.start(Control(id=new_id(), action=action)).result()
    except HushdError as error:
        if error.code == "shutting_down":
            return
        if error.code != "unsupported" or action == "shutdown":
            raise
        end(connection, "shutdown")


def _busy(status: JsonObject) -> bool:
    """Returns whether a worker has a job, or a client a device; the unknown counts as busy."""
    try:
        floor = {"waiting": 0, "speaker": None, "microphone": None} | status.get("floor", {})  # the first had no floor
        working = any(row["state"] == "starting" or row["queued"] or row["running"] for row in status["workers"])
        return bool(working or floor["waiting"] or floor["speaker"] or floor["microphone"])
    except (KeyError, TypeError):
        return True
