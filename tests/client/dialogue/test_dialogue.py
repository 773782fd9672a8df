"""A dialogue's parts: its end from another thread, the end of speech, the beginning of listening."""

from __future__ import annotations

import random
import threading
from array import array
from collections.abc import Iterator

import pytest
from hushd.audio.playback_buffer import QUIET_SAMPLE, without_tail
from hushd.dialogue.exchange import CancelScope
from hushd_protocol.errors import HushdError


def test_a_stop_ends_what_another_thread_waits_for() -> None:
    """The block's `end` is called, and what it raises then is `cancelled`; the innermost block ends first."""
    stop = CancelScope()
    waiting, ended = threading.Event(), threading.Event()
    order: list[str] = []

    def end_inner() -> None:
        order.append("inner")
        ended.set()

    def wait() -> None:
        with stop.ending(lambda: order.append("outer")), stop.ending(end_inner):
            waiting.set()
            assert ended.wait(60)
            raise HushdError("supervisor_lost", "The connection was closed.")

    def call() -> None:
        waiting.wait()
        stop()

    caller = threading.Thread(target=call)
    caller.start()
    with pytest.raises(HushdError, match="It was stopped") as caught:
        wait()
    caller.join()
    assert caught.value.code == "cancelled"
    assert order[0] == "inner"
    assert "outer" in order


def cut(samples: list[int], chunks: random.Random | None = None) -> list[int]:
    """Returns the samples that `without_tail` leaves, in one chunk or in many."""
    data = array("h", samples).tobytes()

    def pieces() -> Iterator[bytes]:
        position = 0
        while position < len(data):
            size = 2 * chunks.randint(1, 400) if chunks else len(data)
            yield data[position : position + size]
            position += size

    return array("h", b"".join(without_tail(pieces()))).tolist()


def test_the_quiet_at_the_end_is_left_out() -> None:
    """Quiet in the middle and before the first word stays."""
    speech = [0] * 5000 + [QUIET_SAMPLE] + [QUIET_SAMPLE - 1, 1 - QUIET_SAMPLE] * 3000 + [-QUIET_SAMPLE]
    assert cut(speech + [QUIET_SAMPLE - 1] * 9000) == speech
    assert cut([*speech, 0]) == speech
    assert cut([0] * 9000) == []
    assert cut([]) == []
