"""Gives a server as many requests at once as it does, with those that it may still do for somebody who has left."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from hushd_protocol.errors import HushdError
from hushd_protocol.system.footprint import descendants

from hushd_worker import usage

from .exchange import Broken, Check, Hangs

_SERVER_LOOK_INTERVAL_S = 0.05
_SERVER_REST_S = 0.3  # seconds without processor time, after which a server has ended what it did


class Turns:
    """The turns of one server.

    A server may go on with a request that was cancelled. That keeps its turn until the server rests, which its
    processor time tells. If it does not within `patience_s`, no other request begins; and if it works as long again
    once it does nothing for anybody, it is replaced.

    Args:
        count: how many requests the server does at once.
    """

    def __init__(self, count: int, patience_s: float, replace: Callable[[], object]) -> None:
        self._count, self._patience_s, self._replace = count, patience_s, replace
        self._changed = threading.Condition()
        self._taken = self._left = 0  # turns taken by requests, and left by those that were cancelled
        self._patient_until = 0.0

    @contextlib.contextmanager
    def turn(self, check: Check) -> Iterator[None]:
        """Waits for a turn, calling `check` meanwhile, and has it during the block. After any exception but a failed
        request's the server may go on."""
        with self._changed:
            while self._taken + self._left >= self._count or (self._left and time.monotonic() > self._patient_until):
                self._changed.wait(_SERVER_LOOK_INTERVAL_S)
                check()
            self._taken += 1
        left = False
        try:
            yield
        except (HushdError, Broken, Hangs):
            raise
        except BaseException:
            left = True
            raise
        finally:
            with self._changed:
                self._taken -= 1
                if left:
                    self._left += 1
                    self._patient_until = time.monotonic() + self._patience_s
                    if self._left == 1:
                        threading.Thread(target=self._watch, name="server-finishes", daemon=True).start()
                self._changed.notify_all()

    def _watch(self) -> None:
        """Gives the turns of cancelled requests back once the server rests, or has it replaced."""
        before, rested_s, alone_s = _processor_time(), 0.0, 0.0
        while alone_s < self._patience_s:
            time.sleep(_SERVER_LOOK_INTERVAL_S)
            now = _processor_time()
            rested_s, before = rested_s + _SERVER_LOOK_INTERVAL_S if now == before else 0.0, now
            with self._changed:
                alone_s = 0.0 if self._taken else alone_s + _SERVER_LOOK_INTERVAL_S
                if rested_s >= _SERVER_REST_S:
                    self._left = 0
                    self._changed.notify_all()
                    return
        self._replace()


def _processor_time() -> float:
    """Returns the seconds that all that this process has started have computed."""
    return sum(map(usage.cpu_of, descendants("self")))
