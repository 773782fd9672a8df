"""The logs of supervisors: no line blames the innocent, since people look there for a cause."""

from __future__ import annotations

from .machine import Machine
from .storm import Storm

FOR_S = 12.0  # for which what was so may be said: a level of memory holds for 10 s, a client is given up after 6 to 8
# Of standing still, before which nobody is given up: 6 s without a sign of life, of which the last one, an answer to a
# ping, may have come 2 s before.
GIVEN_UP_S = 4.0
_OF_MEMORY = ("memory pressure is warning", "memory pressure is critical")
_OF_CLIENTS, _OF_TURNS = "has stopped answering", "a client with a turn"
_OF_STRANGERS = "refused a stranger on the workers' socket"


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
