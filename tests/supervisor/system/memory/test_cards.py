"""Looks at the graphics cards: the answers of the process that asks the driver."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_protocol.cards import Card
from hushd_schema import engines
from hushd_supervisor.core.events import CardsProbed
from hushd_supervisor.system.memory import cards
from hushd_supervisor.system.question import Answer

ROW = {"device": "cuda:0", "id": "0000:65:00.0", "name": "H100", "total": 80, "free": 20, "asleep": False}


def seen(*rows: object) -> tuple[Card, ...]:
    return cards.probed(Answer("cards", {"cards": list(rows)})).cards


def test_cards_are_taken_from_the_answer() -> None:
    """Field by field; without them nothing is known, which is not an error, and an error is passed on as a clause."""
    assert seen(ROW) == (Card("cuda:0", "0000:65:00.0", "H100", 80, 20),)
    assert cards.probed(Answer("cards", {"cards": 5})) == cards.probed(Answer("cards", {})) == CardsProbed()
    assert cards.probed(Answer("cards", error="no answer in 5 s.")) == CardsProbed(error="no answer in 5 s")


@pytest.mark.parametrize(
    "wrong",
    [
        {"device": "cuda:x"}, {"id": "../.."}, {"total": -1}, {"free": 81}, {"free": 1.5}, {"asleep": 1},
        {"name": None}, {"total": 1 << 70}, {"more": 1}, {"device": ""}, {"device": "rocm:0"},
    ],
)  # fmt: skip
def test_a_row_that_makes_no_sense_is_left_out(wrong: dict[str, Any]) -> None:
    """The others count."""
    assert [card.id for card in seen(ROW | wrong, ROW, 7)] == ["0000:65:00.0"]


def test_an_engine_that_cannot_be_looked_up_may_use_any_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that needs a card still waits for one if the system refuses a descriptor."""

    def refuse(*_: str) -> None:
        raise OSError(24, "Too many open files")

    assert cards.kinds("stt/moonshine/tiny-en") == ()
    monkeypatch.setattr(engines, "find", refuse)
    assert cards.kinds("stt/moonshine/tiny-en") == cards.kinds("stt/unheard-of/model") != ()


def test_a_name_that_cannot_be_shown_is_none() -> None:
    """It ends neither a status nor a terminal's line."""
    assert [card.name for card in seen(ROW | {"name": "\ud800"}, ROW | {"name": "a\x1b[2J"})] == ["", ""]


def test_the_reason_why_no_card_can_be_used() -> None:
    """It is shown in one line, whatever the driver says."""
    assert cards.probed(Answer("cards", {"cards": [], "error": "a\x1b\nb"})).error == "a\\x1b b"
    assert cards.probed(Answer("cards", {"cards": [], "error": 3})) == CardsProbed()


def test_a_machine_may_have_cards_where_there_is_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's files alone tell it, or the stand-in's."""
    monkeypatch.setattr(cards, "_DRIVERS", ("/nowhere",))
    assert not cards.there({})
    assert cards.there({"HUSHD_CARDS": "module:/tmp/cards.json"})
    monkeypatch.setattr(cards, "_DRIVERS", ("/nowhere", "/dev/null"))
    assert cards.there({})
