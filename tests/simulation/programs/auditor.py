"""Asks a supervisor for its status once the storm is over, and starts none."""

from __future__ import annotations

from typing import Any

from hushd import Client
from hushd_protocol.errors import HushdError

world: Any = None  # the simulation


def main(arguments: list[str]) -> None:
    """Gives the world the status; None where there is no supervisor."""
    client = Client(holder="auditor", start=False)
    try:
        world.audited(client.status())
    except HushdError as error:
        if error.code != "no_supervisor":
            world.violation(f"the auditor was told: {error}")
        world.audited(None)
    client.close()
