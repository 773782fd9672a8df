"""The logs of workers: each process writes into a pipe, and its output goes from there into a file of bounded size.

A file that a process writes itself has no bound but its manners: native code that floods stderr wrote 628 MB in 12 s. A
pipe costs a descriptor, and the loop two wake-ups for a burst of output. A flood waits in the pipe for its turn: it is
read every 20 ms, 64 KiB at a time.
"""

from __future__ import annotations

import math
from collections.abc import Container

import zmq

from .children import Running

# Seconds between two looks at a pipe, so that a flood costs at most 50 turns of the loop a second.
PIPE_LOOK_INTERVAL_S = 0.02


class WorkerLogs:
    """The pipes of all living workers."""

    def __init__(self, poller: zmq.Poller) -> None:
        self._poller = poller
        self._children: dict[Running, float] = {}  # time when each child is read again; `math.inf` while it is polled

    def add(self, child: Running) -> None:
        """Begins to write a child's log."""
        self._children[child] = math.inf
        self._poll(child)

    def remove(self, child: Running) -> None:
        """Writes the rest, after the child's exit."""
        due = self._children.pop(child, None)
        if due is None:
            return
        if due == math.inf:
            self._poller.unregister(child.pipe)
        child.end_log()

    def read(self, ready: Container[object], now: float) -> None:
        """Writes the output that has come; `ready` are the readable descriptors."""
        for child, due in list(self._children.items()):
            if due == math.inf and child.pipe in ready:
                self._poller.unregister(child.pipe)
            elif now < due:
                continue
            match child.write_log():
                case None:  # nobody has it open any more
                    del self._children[child]
                    child.end_log()
                case 0:
                    self._children[child] = math.inf
                    self._poll(child)
                case _:
                    self._children[child] = now + PIPE_LOOK_INTERVAL_S

    def deadline(self) -> float | None:
        """The time at which a pipe is read again."""
        due = min(self._children.values(), default=math.inf)
        return None if due == math.inf else due

    def _poll(self, child: Running) -> None:
        self._poller.register(child.pipe, zmq.POLLIN)
