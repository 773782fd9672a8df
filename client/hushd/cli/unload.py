"""`hushd unload`: ends workers, and reports those that go on for other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError

from . import console

if TYPE_CHECKING:
    from hushd.client import Client


def unload(client: Client, workers: Sequence[str], force: bool, as_json: bool) -> None:
    """Ends `workers`, or all.

    Raises:
        HushdError: `server_busy` when some go on for now.
    """
    ended = client.unload(*workers, force=force)
    if as_json:
        console.write(json.dumps({"unloaded": ended, "busy": ended.busy}) + "\n")
    if ended.busy:
        raise HushdError("server_busy", _later(ended.busy), detail={"busy": ended.busy})


def _later(busy: Mapping[str, int]) -> str:
    names, jobs = ", ".join(busy), sum(busy.values())
    ends = "ends" if len(busy) == 1 else "end"
    when = "a job of another program has" if jobs == 1 else f"{jobs} jobs of other programs have"
    them = "it" if jobs == 1 else "them"
    return f"{names} {ends} when {when} finished; `hushd unload --force` ends {them} now."
