"""Parting a text at the pauses of its speaker."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hushd_worker_stt.engine import Segment, Word
from hushd_worker_stt.wording import at_pauses, beside_pauses
from support.seeds import seeds


@pytest.mark.parametrize(("text", "speech", "parts"), [
    ("One two.", [(1, 2)], [(1, 2, "One two.")]),
    ("One two. Three four.", [(1, 2), (3, 4.5)], [(1, 2, "One two."), (3, 4.5, "Three four.")]),
    # No stop, so no part, however long the pause.
    ("one two three four", [(1, 2), (3, 4)], [(1, 4, "one two three four")]),
    # A stop without a pause stays inside.
    ("Yes. No, never. Always.", [(0, 3), (4, 5.5)], [(0, 3, "Yes. No, never."), (4, 5.5, "Always.")]),
    # A pause in the middle of a phrase, far from every stop, parts nothing.
    ("Well, this goes on and on and on", [(0, 5), (6, 11)], [(0, 11, "Well, this goes on and on and on")]),
    # More pauses than stops: the nearest.
    (
        "And so my fellow Americans ask not, ask what you can do for your country.",
        [(0.4, 2.3), (3.3, 4.4), (5.4, 8.5)],
        [(0.4, 4.4, "And so my fellow Americans ask not,"), (5.4, 8.5, "ask what you can do for your country.")],
    ),
    ("", [(1, 2), (3, 4)], [(1, 4, "")]),
    ("...", [(1, 2), (3, 4)], [(1, 4, "...")]),
])  # fmt: skip
def test_parts(text: str, speech: list[tuple[float, float]], parts: list[tuple[float, float, str]]) -> None:
    """A part ends where the text has a stop and the speaker pauses, and lasts as long as its speech."""
    found = at_pauses(Segment(0.5, 20.0, text), speech)
    assert [(part.start, part.end, part.text) for part in found] == parts


def test_what_needs_no_parting_stays() -> None:
    """A segment whose words have times, or of which nobody knows when it was spoken, comes back as it was."""
    segment = Segment(1.0, 5.0, "One. Two.", (Word("One.", 1.0, 2.0), Word("Two.", 4.0, 5.0)))
    assert at_pauses(segment, [(1, 2), (4, 5)]) == [segment]
    assert at_pauses(Segment(1.0, 5.0, "One. Two."), []) == [Segment(1.0, 5.0, "One. Two.")]


@pytest.mark.parametrize(("word", "from_", "to", "start", "end"), [
    ("one,", 1.0, 3.2, 1.0, 2.0),  # a stop ends it: it was spoken before the pause
    ('"One."', 1.0, 3.2, 1.0, 2.0),
    ("two", 1.0, 3.2, 3.0, 3.2),  # none: behind it, however little of it is there
    ("two.", 1.9, 3.6, 3.0, 3.6),  # most of it is behind
    ("two", 1.9, 4.5, 3.0, 4.0),
    ("one", 1.5, 3.01, 1.5, 2.0),  # too little for a word
])  # fmt: skip
def test_no_word_lasts_through_a_pause(word: str, from_: float, to: float, start: float, end: float) -> None:
    """The segment begins and ends with its words; other words stay."""
    segment = Segment(0.0, 5.0, word, (Word(word, from_, to),))
    pauses = [(0.0, 0.5), (2.0, 3.0), (4.0, 5.0)]
    assert beside_pauses(segment, pauses) == Segment(start, end, word, (Word(word, start, end),))
    inside = Segment(0.0, 5.0, "one", (Word("one", 3.0, 3.2),))
    assert beside_pauses(inside, pauses) is inside


@seeds(200)
def test_nothing_is_lost(seed: int) -> None:
    """Any text over any speech: the parts joined are the text, in order of time, none empty, all of the speech."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abc", k=rng.randint(1, 9))) + rng.choice(["", "", ".", ","]) for _ in range(40)]
    times = sorted(rng.uniform(0, 30) for _ in range(2 * rng.randint(1, 8)))
    speech = list(zip(times[::2], times[1::2], strict=True))
    parts = at_pauses(Segment(0, 30, " ".join(words), speaker="SPEAKER_01"), speech)
    assert " ".join(part.text for part in parts) == " ".join(words)
    assert all(part.text and part.speaker == "SPEAKER_01" for part in parts)
    assert (parts[0].start, parts[-1].end) == (speech[0][0], speech[-1][1])
    assert all(a.end <= b.start for a, b in pairwise(parts))
    assert all(part.text[-1] in ".," for part in parts[:-1])
