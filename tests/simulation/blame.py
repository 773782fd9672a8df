"""Nobody is ended or blamed for no reason: no worker without a fault behind it, and no line of a log is untrue.

People look for a cause in a supervisor's log.
"""

from __future__ import annotations

import signal

from .machine import Machine
from .processes import Process
from .storm import Storm

# Exit statuses: of an engine that the storm has crash, and of one that could not load its model.
_CRASHED, _LOAD_FAILED = 11, 78
_FELT_S = 60.0  # seconds for which a fault may cause a death: the longest start, and the grace of one that leaves
_HURRIED_S = 10.0  # seconds until `unload` or a lack of memory ends a worker that still starts, or obeys no cancel
FOR_S = 12.0  # seconds for which what was so may be said: memory's level lasts 10 s, a client is given up after 6 to 8
# Seconds of standing still before anybody is given up: 6 s without a sign of life, of which the last one, an answer
# to a ping, may have come 2 s before.
GIVEN_UP_S = 4.0
_OF_MEMORY = ("memory pressure is warning", "memory pressure is critical")
_OF_CLIENTS, _OF_TURNS = "has stopped answering", "a client with a turn"
_OF_STRANGERS = "refused a stranger on the workers' socket"


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
    if process.status == _LOAD_FAILED:
        return process in storm.card.refused  # which was judged as it happened
    parent = process.started_by
    assert parent
    if process.status == -signal.SIGKILL:  # a lifeline, or a supervisor that leaves and waits no longer, or a start
        orphaned = not parent.living and parent.ended <= process.ended
        hurried = storm.awake_until(process.ended) - _HURRIED_S
        unloaded = storm.struck(("unload",), hurried) or storm.scarce(hurried)
        crowded = storm.card.holds(process) and storm.card.short_at >= hurried
        return orphaned or unloaded or crowded or storm.struck(("term", "shutdown", "restart", "wire"), since)
    return storm.struck(("disk",), since)


def untrue(machine: Machine, storm: Storm, text: str) -> str:
    """Returns the fault of a line that a supervisor writes now; empty where it is true."""
    since = machine.scheduler.time - FOR_S
    # A line may be decided before a standstill, and written after it.
    if any(said in text for said in _OF_MEMORY) and not storm.scarce(storm.awake_until(machine.scheduler.time) - FOR_S):
        return "said that memory is short"
    # Whoever stood still together with the supervisor is not to blame, nor whoever did so for less than it is given.
    # A turn goes on to others while its holder waits for the processor, who plays nothing meanwhile; a request stays.
    silent_s = max(storm.held_for(since), storm.starved_for(since) if _OF_TURNS in text else 0.0)
    if _OF_CLIENTS in text and silent_s < GIVEN_UP_S:
        return "blamed a client that never stood still"
    if _OF_STRANGERS in text and not storm.struck(("wire",), since):
        return "took one of its own workers for a stranger"
    return ""
