"""Reading sentences aloud: keys decide, faults are repeated, and each good recording is kept at once."""

from __future__ import annotations

import queue
from array import array
from collections.abc import Callable

import pytest
from hushd_protocol.errors import HushdError
from hushd_tune import recorder

RATE = 16_000
TEXTS = {1: "One.", 2: "Two.", 3: "Three."}
QUIET, LOUD = (array("h", [level] * 1600).tobytes() for level in (5, 9000))
SPOKEN = ["", QUIET, *[LOUD] * 8, QUIET]  # what is recorded from one key to the next


class Microphone:
    """Hands out chunks as the script says, which also presses the keys."""

    rate = RATE

    def __init__(self, *script: str | bytes | BaseException | None) -> None:
        self._script = list(script)
        self._chunks: list[bytes | None] = []

    def key(self) -> str:
        """The next key, before the sound that follows it."""
        while self._script and not isinstance(self._script[0], str):
            step = self._script.pop(0)
            if isinstance(step, BaseException):
                raise step
            self._chunks.append(step)
        return self._script.pop(0) if self._script else "q"  # type: ignore[return-value]

    def take(self) -> bytes | None:
        if not self._chunks:
            raise queue.Empty
        return self._chunks.pop(0)

    def lose(self) -> HushdError:
        return HushdError("no_device", "The microphone has stopped working.")


@pytest.fixture
def read() -> Callable[..., list[tuple[int, bytes]]]:
    def run(*script: str | bytes | BaseException | None) -> list[tuple[int, bytes]]:
        kept: list[tuple[int, bytes]] = []
        microphone = Microphone(*script)
        try:
            recorder.read_aloud(microphone, microphone.key, TEXTS, lambda *recording: kept.append(recording))
        except KeyboardInterrupt:
            pass
        return kept

    return run


Read = Callable[..., list[tuple[int, bytes]]]


def test_each_sentence_is_recorded_from_key_to_key(read: Read) -> None:
    """Enter or space begins, any other key that decides nothing ends; sound before and after belongs to no sentence."""
    kept = read(LOUD, "\n", *SPOKEN, "\r", LOUD, " ", *SPOKEN, "\n", "\n", *SPOKEN, "x")
    assert [number for number, _ in kept] == [1, 2, 3]
    assert {recording[44:] for _, recording in kept} == {QUIET + 8 * LOUD + QUIET}


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ([QUIET], "too short"),
        ([QUIET] * 9, "too quiet"),
        ([LOUD] * 9, "beginning was cut off"),
        ([QUIET, *[LOUD] * 9], "end was cut off"),
    ],
)
def test_a_bad_recording_is_repeated(
    read: Read, bad: list[bytes], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its fault is said, the same sentence is shown once more, and only the good recording is kept."""
    kept = read("\n", *bad, "\n", "\n", *SPOKEN, "\n", "q")
    assert [(number, len(recording)) for number, recording in kept] == [(1, 44 + 2 * 16_000)]
    shown = capfd.readouterr().out
    assert says in shown
    assert shown.count("1. One.") == 2


def test_keys_repeat_and_end(read: Read) -> None:
    """`a` while recording begins it anew; `q` ends, and the sentences before it stay."""
    kept = read("\n", LOUD, "a", *SPOKEN, "\n", "\n", LOUD, "q")
    assert [(number, len(recording)) for number, recording in kept] == [(1, 44 + 2 * 16_000)]


def test_an_interruption_keeps_the_sentences_before_it(read: Read) -> None:
    """Ctrl-C in the middle of the second loses that one."""
    assert [number for number, _ in read("\n", *SPOKEN, "\n", "\n", LOUD, KeyboardInterrupt())] == [1]


def test_a_lost_microphone_is_an_error(read: Read) -> None:
    """It is not taken for silence."""
    with pytest.raises(HushdError, match="stopped working"):
        read("\n", LOUD, None, "\n")
