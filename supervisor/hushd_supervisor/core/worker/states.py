"""The states of a worker and every move between them, in one table.

A `Lifecycle` moves only along `TRANSITIONS`.
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class State(enum.Enum):
    """The state of a worker; the value is the word shown to users."""

    STOPPED = "stopped"  # a worker without a process: its memory is free, its queue empty
    WAITING = "waiting"  # a worker without a process: idle workers leave first to make room; requests queue
    STARTING = "starting"  # hello, loading, ready; requests queue
    READY = "ready"  # loaded and idle
    BUSY = "busy"  # 1..slots jobs run, the rest queue
    DRAINING = "draining"  # the supervisor leaves: finishes its jobs in a limited time and takes none
    STOPPING = "stopping"  # it was asked to leave
    KILLING = "killing"  # SIGKILL sent to its group; nothing is started before its exit is seen
    BACKOFF = "backoff"  # crashed recently: waits before the next start
    FAILED = "failed"  # crashed too often: refuses requests until the cooldown ends

    def __init__(self, word: str) -> None:
        self.has_process = word not in ("stopped", "waiting", "backoff", "failed")


class Transition(NamedTuple):
    source: State
    target: State
    cause: str


TRANSITIONS: tuple[Transition, ...] = (
    Transition(State.STOPPED, State.WAITING, "request"),
    Transition(State.WAITING, State.STARTING, "there is memory"),
    Transition(State.WAITING, State.STOPPED, "no memory, nobody waits, unload, shutdown"),
    Transition(State.STARTING, State.READY, "ready"),
    Transition(State.STARTING, State.STOPPING, "load failed"),
    Transition(State.STARTING, State.KILLING, "start timeout, unload, shutdown"),
    Transition(State.READY, State.BUSY, "job"),
    Transition(State.READY, State.STOPPING, "idle timeout, unload, eviction, recycling, shutdown"),
    Transition(State.READY, State.KILLING, "cannot be reached"),
    Transition(State.BUSY, State.READY, "last job done"),
    Transition(State.BUSY, State.DRAINING, "shutdown"),
    Transition(State.BUSY, State.KILLING, "no beat, stalled, cancel ignored"),
    Transition(State.DRAINING, State.STOPPING, "last job done"),
    Transition(State.DRAINING, State.KILLING, "drain limit, no beat, stalled, cancel ignored"),
    Transition(State.STOPPING, State.KILLING, "grace over"),
    Transition(State.STARTING, State.STOPPED, "no resources for a process"),
    Transition(State.STARTING, State.BACKOFF, "crash"),
    Transition(State.READY, State.BACKOFF, "crash"),
    Transition(State.BUSY, State.BACKOFF, "crash"),
    Transition(State.KILLING, State.BACKOFF, "exit after a hang"),
    Transition(State.STARTING, State.FAILED, "4 crashes in 300 s"),
    Transition(State.READY, State.FAILED, "4 crashes in 300 s"),
    Transition(State.BUSY, State.FAILED, "4 crashes in 300 s"),
    Transition(State.KILLING, State.FAILED, "4 crashes in 300 s"),
    Transition(State.STOPPING, State.STOPPED, "exit"),
    Transition(State.KILLING, State.STOPPED, "exit"),
    Transition(State.READY, State.STOPPED, "left unasked with status 0, ended from outside"),
    Transition(State.BUSY, State.STOPPED, "crash of a poison request, ended from outside"),
    Transition(State.DRAINING, State.STOPPED, "crash"),
    Transition(State.BACKOFF, State.STOPPED, "delay over, unload, shutdown"),
    Transition(State.FAILED, State.STOPPED, "cooldown over, unload, shutdown"),
)

ALLOWED: frozenset[tuple[State, State]] = frozenset((t.source, t.target) for t in TRANSITIONS)
