"""Messages between a worker and the supervisor about the worker's life."""

from __future__ import annotations

from msgspec import field

from hushd_protocol import JsonObject
from hushd_protocol.values import Finite

from .connection import Message


class Loading(Message, frozen=True, kw_only=True, tag="loading"):
    """worker -> supervisor: it still loads and makes progress; restarts the start timer."""

    note: str = ""


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """worker -> supervisor: loaded. `slots` is the number of jobs that it runs at once, `pss` its size in bytes.

    `sessions` is the number of sessions that it runs beside these; at 0 a session takes one of the slots. `cards` has
    the bytes that it takes of each graphics card, by the card's place on the PCI bus. `aside` is the number of jobs
    that it carries on beside its slots once they have waited for their clients. `private` is the part of its size that
    is not backed by files, and `peak` the highest value of this while it loaded.
    """

    slots: int = 1
    pss: int = 0
    capabilities: JsonObject = field(default_factory=dict)
    sessions: int = 0
    cards: JsonObject = field(default_factory=dict)
    aside: int = 0
    private: int = 0
    peak: int = 0


class LoadFailed(Message, frozen=True, kw_only=True, tag="load_failed"):
    """worker -> supervisor: it cannot become ready, and leaves by itself after this.
    It lacks its engine or weights, or memory is short (`server_busy`; `on_card`: a graphics card's)."""

    code: str
    message: str
    on_card: bool = False


class Beat(Message, frozen=True, kw_only=True, tag="beat"):
    """worker -> supervisor every 2 s while a job runs: alive. `cpu_s` is the CPU time, `pss` the size in bytes, of the
    process and those it started; `cards` and `private` are as in `ready`; `peak` is the highest value since then."""

    cpu_s: Finite
    pss: int = 0
    cards: JsonObject = field(default_factory=dict)
    private: int = 0
    peak: int = 0


class Drain(Message, frozen=True, kw_only=True, tag="drain"):
    """supervisor -> worker: leave once nothing runs; no further job will come."""


class Bye(Message, frozen=True, kw_only=True, tag="bye"):
    """worker -> supervisor: nothing follows. supervisor -> worker: everything was received, exit."""
