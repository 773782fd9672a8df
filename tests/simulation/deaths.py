"""The deaths of workers: none is killed without a fault behind it."""

from __future__ import annotations

import signal

from .processes import Process
from .storm import Storm

_CRASHED = 11  # the exit status of an engine that the storm has crash
_FELT_S = 60.0  # for which a fault may be the cause of a death: the longest start, and the grace of one that leaves
_HURRIED_S = 10.0  # in which a worker that still starts, or obeys no cancel, is ended by `unload` or for its memory


def unexplained(storm: Storm, processes: list[Process]) -> list[Process]:
    """The workers that have died for no reason: killed by a supervisor that lives on, or of themselves."""
    dead = [process for process in processes if process.kind == "engine" and process.status not in (None, 0)]
    return [process for process in dead if not _explains(storm, process)]


def _explains(storm: Storm, process: Process) -> bool:
    if process.pid in storm.felled or process.pid in storm.held:
        return True
    since = process.ended - _FELT_S
    if process.status == _CRASHED:
        return storm.struck(("crash",), since)
    parent = process.started_by
    assert parent
    if process.status == -signal.SIGKILL:  # a lifeline, or a supervisor that leaves and waits no longer, or a start
        orphaned = not parent.living and parent.ended <= process.ended
        hurried = storm.awake_until(process.ended) - _HURRIED_S
        unloaded = storm.struck(("unload",), hurried) or storm.scarce(hurried)
        lost = storm.card.had(process) and storm.struck(("card", "disk", "kill", "stop"), since)
        return orphaned or unloaded or lost or storm.struck(("term", "shutdown", "restart", "wire"), since)
    return storm.struck(("disk",), since)
