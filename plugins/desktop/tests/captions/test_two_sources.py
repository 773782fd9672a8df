"""Captions of two sources end together, and the claim that pauses the microphone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hushd import HushdError, Segment
from hushd_desktop.captions import captions as module
from hushd_desktop.captions.captions import Captions
from hushd_desktop.captions.claim import ListeningClaim
from hushd_desktop.captions.pausable import PausableMicrophone
from hushd_desktop.captions.track import Event, Line
from support.peer import BOUND_S


class Source(Iterator[bytes]):
    """A device that plays one second of sound, and waits until it is stopped."""

    rate = 16_000

    def __init__(self, *_: Any, **__: Any) -> None:
        self._seconds = iter([b"\x10\x10" * self.rate])
        self._stopped = threading.Event()
        self.closed = False

    def __next__(self) -> bytes:
        for second in self._seconds:
            return second
        assert self._stopped.wait(BOUND_S), "nobody has stopped it"
        raise StopIteration

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self.closed = True
        self.stop()


class Floor:
    """The floor of a supervisor, which tells a claim its states one after the other; the last is that it is granted."""

    on_wait: Any = None
    on_loss: Any = None

    def __init__(self) -> None:
        self.states: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __enter__(self) -> Floor:
        return self

    def __exit__(self, *_: object) -> None: ...

    def keep(self) -> None:
        while (state := self.states.get(timeout=BOUND_S)) != "granted":
            self.on_wait(state)

    def stop(self) -> None:
        self.states.put("granted")
        self.on_loss()


class Session:
    """A transcription that fails: the first of two at once, the second behind the line that its sound's end brings."""

    language, rest_s = "en", 0.0

    def __init__(self, chunks: Iterator[bytes], is_first: bool, both: threading.Barrier) -> None:
        self._chunks, self._is_first, self._both = chunks, is_first, both

    def __iter__(self) -> Iterator[Segment]:
        self._both.wait(BOUND_S)
        if self._is_first:
            raise HushdError("model_missing", "The first.")
        for _ in self._chunks:
            pass
        yield Segment(0, 0.0, 1.0, "Last words.")
        raise HushdError("model_missing", "The second.")


class Client:
    def __init__(self) -> None:
        self._first, self._both = iter([True]), threading.Barrier(2)
        self.claim = Floor()

    def floor(self, _: str, on_wait: Callable[[str], None]) -> Floor:
        self.claim.on_wait = on_wait
        self.claim.states.put("granted")
        return self.claim

    def listen(self, chunks: Iterator[bytes], **_: Any) -> Session:
        return Session(chunks, next(self._first, False), self._both)


def test_a_source_that_fails_ends_the_other_by_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody captions half of a conversation in silence: the other source is stopped, its speech so far is shown, and
    the error is the first one."""
    monkeypatch.setattr(module, "Microphone", Source)
    monkeypatch.setattr(module, "Monitor", Source)
    events: list[Event] = []
    captions = Captions(Client(), plays=True, speaks=True)  # type: ignore[arg-type]
    with captions, pytest.raises(HushdError, match="The first"):
        events.extend(captions)
    assert [event.segment.text for event in events if isinstance(event, Line)] == ["Last words."]


class Claimed:
    """A microphone that is claimed; what a user is told about it comes in `told`."""

    def __init__(self, *devices: Source | HushdError) -> None:
        self.told: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._devices = iter(devices)
        self.client = Client()
        microphone = PausableMicrophone(self._open, 0.1)
        self.claim = ListeningClaim(
            self.client,  # type: ignore[arg-type]
            microphone,
            lambda sentence: self.told.put(sentence.split(":")[0]),
            lambda error: self.told.put(str(error)),
        )

    def _open(self) -> Source:
        device = next(self._devices)
        if isinstance(device, HushdError):
            raise device
        return device

    def states(self, *states: str) -> None:
        """The claim is lost, and these follow."""
        for state in states:
            self.client.claim.states.put(state)
        self.client.claim.on_loss()


def test_each_pause_closes_the_microphone_and_each_end_of_one_opens_it() -> None:
    """And says so once, however often the claim has to wait meanwhile; to wait for another program closes nothing."""
    devices = Source(), Source(), Source()
    claimed = Claimed(*devices)
    with claimed.claim:
        for before, after in pairwise(devices):
            claimed.states("waiting", "paused", "paused")
            assert claimed.told.get(timeout=BOUND_S) == "The microphone is closed"
            assert before.closed
            claimed.states("granted")
            assert claimed.told.get(timeout=BOUND_S) == "The microphone is open again."
            assert not after.closed
    assert claimed.told.empty()


def test_a_microphone_that_does_not_open_again_ends_the_captions() -> None:
    """By its own error: somebody who resumes believes that they are heard."""
    claimed = Claimed(Source(), HushdError("no_device", "It is unplugged."))
    with claimed.claim:
        claimed.states("paused", "granted")
        assert [claimed.told.get(timeout=BOUND_S) for _ in range(2)] == ["The microphone is closed", "It is unplugged."]
