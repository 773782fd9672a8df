"""Streams are lowered as they appear, until it is over."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pulsectl import Pulse, PulseLoopStop

from .streams import ERRORS as ERRORS
from .streams import Streams

if TYPE_CHECKING:
    from pathlib import Path

    from .holder_pipe import HolderPipe

SETTLE_S = 0.2  # from a change of a stream to a look at it, and at what the sound server remembers of it


@contextmanager
def connected() -> Iterator[Pulse]:
    """Yields a connection to the sound server, which is not started for this. Raises one of `ERRORS`."""
    with Pulse("hushd", connect=False) as pulse:
        pulse.connect()
        yield pulse


def bring_back(folder: Path) -> None:
    """See `Streams.bring_back`. Raises one of `ERRORS`, and OSError."""
    with connected() as pulse:
        Streams(pulse, folder, 0.0).bring_back()


class Following:
    """Waits for streams and for the holder's end at the same time."""

    def __init__(self, pulse: Pulse, streams: Streams, pipe: HolderPipe) -> None:
        self._pulse = pulse
        self._streams = streams
        self._pipe = pipe
        self._appeared = False
        self._look_at: float | None = None  # the time at which changes have settled
        pulse.event_mask_set("sink_input")
        pulse.event_callback_set(self._note)

    def run(self) -> None:
        """Returns once it is over. Raises one of `ERRORS` when the server has gone."""
        self._pulse.set_poll_func(self._poll)
        while not self._pipe.over:
            self._pulse.event_listen(self._timeout())
            if self._appeared and not self._streams.settle:
                self._appeared = False
                self._streams.lower()
            if self._look_at is not None and time.monotonic() >= self._look_at:
                self._look_at = None
                if self._appeared:
                    self._appeared = False
                    self._streams.lower()
                self._streams.mend()

    def _timeout(self) -> float | None:
        waits = [] if self._look_at is None else [self._look_at - time.monotonic()]
        if (left := self._pipe.left_s) is not None:
            waits.append(left)
        return max(0.001, min(waits)) if waits else None  # 0 would be for ever

    def _note(self, event: Any) -> None:
        """Called for each change of a stream."""
        if event.t == "new":
            self._appeared = True
        elif self._look_at is not None:
            return
        if self._look_at is None or self._streams.settle:
            self._look_at = time.monotonic() + SETTLE_S
        raise PulseLoopStop

    def _poll(self, descriptors: list[Any], timeout: float) -> int:
        """Polls for libpulse, and wakes it at the holder's end too."""
        poller = select.poll()
        for each in descriptors:
            each.revents = 0
            poller.register(each.fd, each.events)
        if self._pipe.open:
            poller.register(0, select.POLLIN)
        ready = dict(poller.poll(None if timeout < 0 else 1000 * timeout))
        if ready.pop(0, 0):
            self._pulse.event_listen_stop()
        for each in descriptors:
            each.revents = ready.get(each.fd, 0)
        return len(ready)
