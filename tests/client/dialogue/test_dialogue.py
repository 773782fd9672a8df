"""A dialogue's parts: its end from another thread, the end of speech, the beginning of listening."""

from __future__ import annotations

import random
import threading
from array import array
from collections.abc import Iterator

import hushd.audio.devices
import hushd.audio.microphone
import pytest
from hushd.audio.microphone import Microphone
from hushd.audio.playback_buffer import QUIET_SAMPLE, without_tail
from hushd.dialogue.exchange import CancelScope
from hushd_protocol.errors import HushdError

from ..audio.test_devices import FakeSoundDevice, FakeStream

RATE = 16000


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


class Clock:
    """Stands in for the module `time`."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_a_muted_microphone_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept from its opening to `unmute`, to the sample: the device's own delay counts as before."""
    clock, device = Clock(), FakeSoundDevice()
    device.blocks = []  # it delivers when it is told to
    monkeypatch.setattr(FakeStream, "latency", 0.03)
    monkeypatch.setattr(hushd.audio.devices, "load", lambda: device)
    monkeypatch.setattr(hushd.audio.microphone, "time", clock)
    microphone = Microphone(muted=True)
    (stream,) = device.opened

    def deliver(*chunks: int) -> None:
        for number in chunks:
            clock.now += hushd.audio.microphone.MICROPHONE_CHUNK_S
            stream.options["callback"](array("h", [number]).tobytes() * 1600, 1600, None, None)

    deliver(1, 2, 3)
    clock.now += 0.02  # of the fourth chunk
    microphone.unmute()
    clock.now -= 0.02
    deliver(4, 5, 6)
    early = round((0.02 + stream.latency) * RATE)
    microphone.stop()
    heard = array("h", b"".join(microphone)).tolist()
    assert heard == [4] * (1600 - early) + [5] * 1600 + [6] * 1600
