"""The points in product code, see `hushd_protocol`, and how often the simulation takes the rare way there."""

from __future__ import annotations

POINTS = (
    "answer goes to disk", "beat is late", "chunk in parts", "costly action waits",
    "credit for one chunk", "departures wait", "exit waits", "exits before messages", "idle supervisor leaves",
    "lock is held for a moment", "loop wakes for nothing", "memory is not measured", "needs are not written",
    "old measure holds", "one message of clients", "one message of workers", "timers wait",
    "worker reads one message", "worker sends one message",
)  # fmt: skip
OPEN = 0.25  # the share of seeds in which a point may be taken,
TAKEN = 0.2  # and of the times that the code comes to it there
