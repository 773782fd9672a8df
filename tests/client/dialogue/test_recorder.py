"""The microphone of a conversation between its turns: every sample is heard once more, or never, as it should be."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from types import SimpleNamespace
from typing import Any

import hushd.audio.microphone
import pytest
from hushd.audio import recording
from hushd.audio.recording import LEAD_S
from hushd.dialogue import listener
from hushd.dialogue.listener import Recorder, Tape
from hushd_protocol.errors import HushdError

LETTERS = "abcdefghijklmnopqrstuvwxyz"
RATE = 1000  # Hz: a chunk of 100 ms has 100 samples, two bytes each


class Microphone(Iterator[bytes]):
    """Records what a test says."""

    def __init__(self, device: object = None, **options: Any) -> None:
        self.rate = RATE
        self.muted = options.get("muted", False)
        self.options = options
        self.closed = 0
        self.waiting = threading.Event()
        self._chunks: queue.SimpleQueue[bytes | HushdError | None] = queue.SimpleQueue()

    def record(self, *chunks: bytes | HushdError) -> None:
        for chunk in chunks:
            if not self.muted:
                self._chunks.put(chunk)

    def __next__(self) -> bytes:
        self.waiting.set()
        chunk = self._chunks.get(timeout=60)
        if isinstance(chunk, HushdError):
            raise chunk
        if chunk is None:
            raise StopIteration
        return chunk

    def mute(self) -> None:
        self.muted = True
        while not self._chunks.empty():
            self._chunks.get()

    def unmute(self) -> None:
        self.muted = False

    def close(self) -> None:
        self.closed += 1
        self._chunks.put(None)


def chunk(name: str) -> bytes:
    """0.1 s."""
    return name.encode() * 200


def heard(chunks: Iterator[bytes], count: int) -> str:
    """Returns the make-up of the next chunks: a letter for each 10 ms, in runs."""
    data = b"".join(islice(chunks, count)).decode()
    return "".join(letter for number, letter in enumerate(data) if number % 20 == 0)


@pytest.fixture
def taped() -> tuple[Microphone, Tape]:
    microphone = Microphone()
    return microphone, Tape(microphone, muted=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("end_s", "silence_s", "begin_s"), [(1.0, 2.0, 1.0 - LEAD_S), (1.0, 0.4, 0.7), (0.1, 0.8, 0.0)]
)
def test_the_next_turn_begins_in_the_silence_of_the_last(
    taped: tuple[Microphone, Tape], end_s: float, silence_s: float, begin_s: float
) -> None:
    """Audio that the worker had not taken yet reaches the next turn, with the end of the silence before it."""
    microphone, tape = taped
    microphone.record(*map(chunk, LETTERS))
    assert heard(tape.read(), 12).startswith("a" * 10)
    tape.go_on_at(end_s, silence_s)
    all_of_it = "".join(letter * 10 for letter in LETTERS)
    again = heard(tape.read(), 10)
    assert len(again) >= 40
    assert all_of_it[round(begin_s * 100) :].startswith(again)
    tape.go_on_at(1.0, 0.0001)
    assert heard(tape.read(), 1)[0] == all_of_it[round(begin_s * 100) + 100]
    tape.go_on_at(60.0, 0.0001)
    assert heard(tape.read(), 1)[0] > again[-1], "not more than was recorded can be passed over"


def test_a_tape_is_bounded(taped: tuple[Microphone, Tape], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an hour of listening a few seconds are kept, and who reads on misses nothing."""
    microphone, _ = taped
    monkeypatch.setattr(recording, "KEPT_S", 1.0)
    tape = Tape(microphone, muted=False)  # type: ignore[arg-type]
    microphone.record(*map(chunk, "abcdefghij" * 10))
    assert heard(tape.read(), 100) == "".join(letter * 10 for letter in "abcdefghij") * 10
    assert len(tape._samples) <= 4 * RATE
    tape.go_back(60.0)
    assert len(heard(tape.read(), 1)) <= 200


def test_all_readers_learn_of_the_end(taped: tuple[Microphone, Tape]) -> None:
    """A closed microphone ends every reader, a lost one fails them, and neither makes the second one wait."""
    _, tape = taped
    tape.close()
    assert [*tape.read()] == [*tape.read()] == []
    broken = Microphone()
    broken.record(HushdError("no_device", "It is gone."))
    lost = Tape(broken, muted=False)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(HushdError, match="It is gone"):
            next(lost.read())


# --- between turns ----------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Microphone]:
    """The microphones that were opened."""
    made: list[Microphone] = []

    def open(device: object, **options: Any) -> Microphone:
        made.append(Microphone(device, **options))
        return made[-1]

    monkeypatch.setattr(hushd.audio.microphone, "Microphone", open)
    return made


def recorder_of(mode: str, lingers: Callable[[], bool] = lambda: True) -> Recorder:
    return Recorder(SimpleNamespace(full=mode == "headphones"), "a device", lingers)  # type: ignore[arg-type]


@pytest.mark.parametrize(("mode", "chunk_s"), [("half", None), ("headphones", listener.CHUNK_S)])
def test_one_microphone_for_all_turns(opened: list[Microphone], mode: str, chunk_s: float | None) -> None:
    """It stays open, and suits turns of either kind: in short chunks where a person may interrupt."""
    made = recorder_of(mode)
    for muted in (False, True, False):
        with made.in_use():
            made.tape(muted)
    (microphone,) = opened
    assert not microphone.closed
    assert microphone.options.get("chunk_s") == chunk_s
    made.close()
    made.close()
    assert microphone.closed == 1
