"""A stream of sound becomes items and events: pure, with every order of what may come."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hushd.transcripts.segment import Segment
from hushd_gateway.http.realtime.turns import Event, HeardStream, Items
from hushd_protocol.errors import HushdError
from support.seeds import seeds


def _kinds(events: Iterable[Event]) -> list[str]:
    return [event["type"].rpartition(".")[2] for event in events]


def _segment(start: float, end: float, text: str) -> Segment:
    return Segment(0, start, end, text)


def test_an_utterance_is_an_item() -> None:
    """Its deltas are its text, and its times count from the start of the session."""
    stream = HeardStream(Items(), vad=True, start_s=10.0)
    events = [*stream.began(0.5), *stream.partial("Good"), *stream.partial("Good morning"), *stream.partial("Good")]
    events += [*stream.segment(_segment(0.5, 1.5, "Good morning.")), *stream.finished()]
    assert _kinds(events) == [
        "speech_started", "delta", "delta", "delta", "speech_stopped", "committed", "added", "done", "completed",
    ]  # fmt: skip
    assert "".join(event["delta"] for event in events if "delta" in event) == "Good morning."
    assert events[0]["audio_start_ms"] == 10_500
    assert events[4]["audio_end_ms"] == 11_500
    assert len({event["item_id"] for event in events if "item_id" in event}) == 1


def test_what_is_committed_is_one_item_of_all_utterances() -> None:
    """Text before the commit has the item's name already; `completed` comes with the end of the stream."""
    items = Items()
    stream = HeardStream(items, vad=False, start_s=0.0)
    events = [*stream.began(0.1), *stream.segment(_segment(0.1, 1, "One.")), *stream.commit(2.0)]
    events += [*stream.segment(_segment(1, 2, "Two.")), *stream.ended(2.0)]
    assert _kinds(events) == ["delta", "committed", "added", "done", "delta", "completed"]
    assert events[-1]["transcript"] == "One. Two."
    assert events[0]["delta"] + events[4]["delta"] == "One. Two."
    assert events[-1]["usage"] == {"type": "duration", "seconds": 2}


def test_a_long_utterance_is_one_turn() -> None:
    """Its segments come while it is spoken, and do not end it: whoever answers would interrupt."""
    stream = HeardStream(Items(), vad=True, start_s=0.0)
    events = [
        *stream.began(0.5),
        *stream.segment(_segment(0.5, 15, "It was the best of times,")),
        *stream.partial("it"),
    ]
    assert _kinds(events) == ["speech_started", "delta", "delta"]
    events += [*stream.segment(_segment(15, 20, "it was the worst of times.")), *stream.finished()]
    text = "It was the best of times, it was the worst of times."
    assert events[-1]["transcript"] == "".join(event["delta"] for event in events if "delta" in event) == text
    assert events[-1]["usage"]["seconds"] == 20
    (stopped,) = [event for event in events if event["type"].endswith("speech_stopped")]
    assert stopped["audio_end_ms"] == 20_000
    assert len({event["item_id"] for event in events if "item_id" in event}) == 1


@pytest.mark.parametrize("vad", [False, True])
@pytest.mark.parametrize(("error", "last"), [(None, "completed"), (HushdError("worker_failed", "Gone."), "failed")])
def test_an_item_committed_behind_the_end_of_its_hearing_ends_too(
    vad: bool, error: HushdError | None, last: str
) -> None:
    """It fails with the error of the hearing, or is complete."""
    stream = HeardStream(Items(), vad=vad, start_s=0.0)
    told = _kinds(stream.ended(1.0, error))
    events = [*stream.commit(1.0)]
    assert (told, _kinds(events)) == (["error"] if error else [], ["committed", "added", "done", last])
    assert events[-1]["item_id"] == events[0]["item_id"]
    assert not error or events[-1]["error"]["message"] == "Gone."


def test_turns_may_complete_out_of_order() -> None:
    """The order is that of the commits, whichever stream ends first."""
    items = Items()
    first, second = (HeardStream(items, vad=False, start_s=start) for start in (0.0, 5.0))
    one, two = list(first.commit(1.0)), list(second.commit(1.0))
    assert two[0]["previous_item_id"] == one[0]["item_id"]
    (late,) = second.ended(1.0)
    (early,) = first.ended(1.0)
    assert (late["item_id"], early["item_id"]) == (two[0]["item_id"], one[0]["item_id"])


def test_a_contradicted_delta_is_corrected_by_completed() -> None:
    """No delta takes back text already sent; the words behind it follow all the same."""
    stream = HeardStream(Items(), vad=False, start_s=0.0)
    events = [*stream.partial("Ever."), *stream.segment(_segment(0, 1, "Ever tried,")), *stream.partial("no")]
    assert [event["delta"] for event in events] == ["Ever.", " tried,", " no"]
    (completed,) = [event for event in (*stream.commit(2.0), *stream.ended(2.0)) if "transcript" in event]
    assert completed["transcript"] == "Ever tried,"


@seeds(400)
def test_each_item_has_one_life(seed: int) -> None:
    """Whatever happens: committed once, ended once, in this order; nothing about an item comes after its end, and
    speech stops only where it has started.

    Where only the program finds turns, what it has not committed stays open.
    """
    dice = random.Random(seed)
    vad, fails = dice.random() < 0.5, dice.random() < 0.5
    stream = HeardStream(Items(), 0.0, vad=vad)
    events: list[Event] = []
    for _ in range(dice.randrange(21)):
        acts = {
            "began": lambda: stream.began(0.1),
            "nothing": lambda: stream.nothing(0.2),
            "partial": lambda: stream.partial("some text"),
            "segment": lambda: stream.segment(_segment(0.1, 0.2, "some text that is final")),
            "finished": lambda: stream.finished(),
            "commit": lambda: stream.commit(0.3),
        }
        step = dice.choice(list(acts))
        if step == "commit" and stream.committed:
            break
        events += acts[step]()
    events += stream.ended(1.0, HushdError("worker_crashed", "It died.") if fails else None)
    lives: dict[str, list[str]] = {}
    for event, kind in zip(events, _kinds(events), strict=True):
        if "item_id" in event:
            lives.setdefault(event["item_id"], []).append(kind)
    for life in lives.values():
        ends = [kind for kind in life if kind in ("completed", "failed")]
        assert life.count("committed") == len(ends) <= 1
        assert not ends or life[-1] == ends[0]
        assert not ends or life.index("committed") < life.index(ends[0])
        assert life.count("speech_stopped") <= life.count("speech_started") == life[:1].count("speech_started")
    assert not vad or all("committed" in life for life in lives.values())
    assert vad or fails or stream.committed or not any("committed" in life for life in lives.values())
