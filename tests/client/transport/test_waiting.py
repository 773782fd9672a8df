"""Waits of a command's main thread end with a signal, and in time."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any, cast
from unittest.mock import Mock

import pytest
from hushd.audio.playback_buffer import PlaybackBuffer
from hushd.audio.recording import Chunks
from hushd.floor import Floor
from hushd.transport.spool import Spool
from hushd.transport.waiting import next_item, take_lock, wait_for, wait_until_set
from support.peer import wait_until


def floor() -> Floor:
    return Floor(cast(Any, None), ["speaker"], "text")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("wait", [
    Spool().get, PlaybackBuffer(Exception, 16_000, 1).wait, Chunks().__next__, partial(next_item, SimpleQueue()),
    partial(floor()._wait_for, lambda: False), partial(wait_until_set, threading.Event()),
])  # fmt: skip
def test_a_signal_is_noticed_while_nothing_comes(wait: Callable[[], object]) -> None:
    """A signal may not interrupt the wait: another thread gets it here, and any may come just before the wait."""
    reader, begun = threading.get_ident(), threading.Event()

    def interrupt() -> None:
        begun.wait()
        wait_until(lambda: sys._current_frames()[reader].f_code.co_name in ("wait", "next_item"), "a reader that waits")
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    begun.set()
    with pytest.raises(KeyboardInterrupt):
        wait()


@pytest.mark.parametrize("timeout", [0, -1.0, 0.01])
def test_a_wait_ends_in_time(timeout: float) -> None:
    """It looks once at least, and returns an item that is there."""
    lock, changed, event, items = threading.Lock(), threading.Condition(), threading.Event(), SimpleQueue[int]()
    with changed:
        assert not wait_for(changed, lambda: 0, timeout)
        assert wait_for(changed, lambda: 5, timeout) == 5
    assert not wait_until_set(event, timeout)
    assert [take_lock(lock, timeout), take_lock(lock, timeout)] == [True, False]
    with pytest.raises(Empty):
        next_item(items, timeout)
    items.put(1)
    assert next_item(items, timeout) == 1


def test_a_standstill_is_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """An item is waited for on, though Ctrl-Z has stopped the process for longer than its timeout."""
    monkeypatch.setattr("hushd.transport.waiting.time", Mock(monotonic=count(0, 3600).__next__))
    assert next_item(Mock(get=Mock(side_effect=[Empty, Empty, 1])), 3.0) == 1
