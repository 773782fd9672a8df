"""The beginning and end of speech, frame by frame (32 ms)."""

from __future__ import annotations

import random

import pytest
from hushd_worker_stt.segmentation.endpoint import Endpointer, State
from support.seeds import seeds

FRAME_S = 0.032
SOUNDS = {"#": 0.9, "+": 0.4, ".": 0.1}  # probabilities: speech, perhaps speech, none


def states(pattern: str, silence_s: float = 0.32, no_speech_s: float = 3.2) -> list[State]:
    endpointer = Endpointer(silence_s, no_speech_s)
    return [endpointer.feed(SOUNDS[mark]) for mark in pattern]


@pytest.mark.parametrize(
    ("pattern", "state"),
    [
        ("", None), ("....", State.WAITING), ("##", State.WAITING), ("###", State.SPEAKING),
        ("#.#.#", State.SPEAKING), ("#...#..#", State.SPEAKING), ("#...#...#", State.WAITING),
        ("#....#....#....#", State.WAITING), ("++++++++++++", State.WAITING), ("##++++#", State.SPEAKING),
        ("." * 99, State.WAITING), ("." * 100, State.NOBODY), ("+" * 100, State.NOBODY),
        ("#......." * 40, State.NOBODY), ("##." * 40, State.PAUSING), ("." * 96 + "####", State.SPEAKING),
        ("###.", State.PAUSING), ("###" + "+" * 50, State.SPEAKING), ("###" + "." * 9, State.PAUSING),
        ("###" + "." * 10, State.ENDED), ("###" + "." * 9 + "+", State.SPEAKING),
        ("###" + "." * 9 + "#" + "." * 9, State.PAUSING), ("###" + "." * 200, State.ENDED),
        ("###" + "." * 10 + "#" * 50, State.ENDED), ("." * 100 + "#" * 50, State.NOBODY),
    ],
)  # fmt: skip
def test_where_an_utterance_is(pattern: str, state: State | None) -> None:
    """Three spoken frames of eight begin, less likely ones go on, ten quiet ones (0.32 s) end, a hundred are nobody."""
    reached = states(pattern)
    assert (reached[-1] if reached else None) is state


@seeds(50)
def test_any_frames_keep_the_rules(seed: int) -> None:
    """Final states stay; an end follows its silence exactly; nobody comes on the frame and only without speech."""
    rng = random.Random(seed)
    silence, nobody = rng.randint(1, 20), rng.randint(5, 80)
    endpointer = Endpointer(silence * FRAME_S, nobody * FRAME_S)
    share, quiet, final = rng.random(), 0, None
    for frame in range(1, 300):
        if rng.random() < 0.02:
            share = rng.random()
        probability = rng.choice((0.5, 0.9)) if rng.random() < share else rng.choice((0.0, 0.34, 0.36))
        before, state = endpointer.state, endpointer.feed(probability)
        quiet = 0 if probability >= 0.35 else quiet + 1
        if final:
            assert state is final
        elif state is State.ENDED:
            assert before in (State.SPEAKING, State.PAUSING)
            assert quiet == silence
        elif state is State.NOBODY:
            assert before is State.WAITING
            assert frame >= nobody
        elif state is State.PAUSING:
            assert 0 < quiet < silence
        elif state is State.WAITING:
            assert before is State.WAITING
            assert frame < nobody
        elif before is State.WAITING:
            assert probability >= 0.5
        final = state if state in (State.ENDED, State.NOBODY) else None


def test_one_pause_may_end_later() -> None:
    """The quiet that is set for a pause holds for that one; the next pause, and the next utterance, have the usual."""
    endpointer = Endpointer(0.32, 0)
    for mark in "###.":
        endpointer.feed(SOUNDS[mark])
    endpointer.wait_for(0.64)
    assert [endpointer.feed(SOUNDS["."]) for _ in range(18)] == [State.PAUSING] * 18
    assert endpointer.feed(SOUNDS["#"]) is State.SPEAKING
    assert [endpointer.feed(SOUNDS["."]) for _ in range(10)] == [State.PAUSING] * 9 + [State.ENDED]
    endpointer.wait(heard=True)
    for mark in "###.":
        endpointer.feed(SOUNDS[mark])
    endpointer.wait_for(60)
    endpointer.wait(heard=True)
    assert [endpointer.feed(SOUNDS[mark]) for mark in "###.........."][-1] is State.ENDED
