"""hushd loses no word that the bare package hears on the same weights: `scripts/bench lost-words`, by the commit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from benches.hearing import lost_words
from benches.hearing.real import ENGINES, FILE
from hushd import Client
from support import real_weights
from support.peer import Supervisor
from support.real_weights import needs

BASE = "faster-whisper/base"
NIGHT, NIGHTLY = 400, (pytest.mark.night, pytest.mark.timeout(0))


@pytest.mark.parametrize(
    ("engine", "count", "without"),
    [
        pytest.param(BASE, 12, "kokoro", marks=[*needs(BASE), pytest.mark.timeout(600)]),
        *(pytest.param(name, NIGHT, "", marks=[*needs(FILE.get(name, name)), *NIGHTLY]) for name in ENGINES),
    ],
)
def test_no_word_of_a_short_command_is_lost(
    home: Path, monkeypatch: pytest.MonkeyPatch, engine: str, count: int, without: str
) -> None:
    """Those of a day are drawn by the commit, but none by Kokoro, which speaks as slowly as it is heard; the sound of
    each that lacks a word is kept."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(real_weights.linked(home / "models")))
    with Supervisor(home, ""), Client() as client:
        heard = list(lost_words.heard(client, engine, lost_words.drawn(lost_words.commit(), count, without)))
    assert len(heard) > count // 2
    assert not [each for each in heard if each.lost], f"their sounds are in {lost_words.KEPT}"


def test_a_word_is_lost_only_where_the_package_has_it() -> None:
    """A wrong word more is none that is lost, and neither is one that the package has not."""
    said = "Turn on the living room lamp."
    right = lost_words.right(said, "turn on the living-room lamp!")
    assert right - lost_words.right(said, "Turn on the living room.") == Counter({"lamp": 1})
    assert not lost_words.right(said, "Turn on the leaving room") - lost_words.right(said, "Turn on the room now")


def test_a_commit_draws_the_same_commands() -> None:
    """All 400 of a night differ, in five languages, with every voice and cut; a day's are others for each commit."""
    night = lost_words.drawn("a", NIGHT)
    assert len({each[:2] for each in night}) == NIGHT
    assert {each.language for each in night} == {"en", "fr", "de", "es", "pt"}
    assert lost_words.drawn("a", 12) == lost_words.drawn("a", 12) != lost_words.drawn("b", 12)
    assert not [each for each in lost_words.drawn("a", NIGHT, "kokoro") if each.voice.startswith("kokoro")]


def test_a_sum_of_words_is_told_with_its_chance() -> None:
    """Commands that differ both ways leave 0 within."""
    assert lost_words.by_chance([1, -1] * 50) == "by chance -20 to +20 more"
