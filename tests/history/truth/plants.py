"""Violations, each planted in a true history, where its place is certain by itself.

A plant takes the events of a history and returns them changed, with the request that breaks a promise then; or None,
where the history has no place for it. None of them asks the checker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from ..events import ENDS, Event


class Planted(NamedTuple):
    """A history with a violation; `request` is empty where the violation is about none."""

    events: list[Event]
    request: str


Plant = Callable[[list[Event]], Planted | None]
PLANTS: dict[str, tuple[str, Plant]] = {}  # the rule that each breaks, and the plant


def plant(rule: str) -> Callable[[Plant], Plant]:
    def note(change: Plant) -> Plant:
        PLANTS[change.__name__] = rule, change
        return change

    return note


def of(events: list[Event], request: str, *kinds: str) -> list[Event]:
    """The events of a request, of some kinds or all."""
    return [event for event in events if event.request == request and (not kinds or event.kind in kinds)]


def requests(events: list[Event], op: str) -> Iterator[str]:
    """The requests of an operation, in order."""
    return (event.request for event in events if event.kind == "invoke" and event.more["op"] == op)


def changed(events: list[Event], old: Event, *new: Event) -> list[Event]:
    """The history with one event replaced by others, or by none."""
    place = next(number for number, event in enumerate(events) if event is old)
    return sorted([*events[:place], *new, *events[place + 1 :]], key=lambda event: event.at)


def moved(event: Event, at: float, **more: object) -> Event:
    return replace(event, at=at, more=event.more | more)


def closed(events: list[Event]) -> set[str]:
    return {event.party for event in events if event.kind == "closed"}


def calm(events: list[Event]) -> bool:
    """Returns whether nothing at all went wrong, and nobody interfered."""
    return not any(
        event.kind in ("fault", "lost", "paused")
        or (event.kind == "invoke" and event.more["op"] in ("pause", "unload"))
        for event in events
    )


# --- ends ------------------------------------------------------------------------------------------------------------


@plant("ended once")
def two_ends(events: list[Event]) -> Planted | None:
    """A result comes twice."""
    for end in events:
        if end.kind == "ok":
            return Planted(changed(events, end, end, moved(end, end.at + 0.5)), end.request)
    return None


@plant("ended once")
def a_result_and_an_error(events: list[Event]) -> Planted | None:
    for end in events:
        if end.kind == "fail":
            ok = Event(end.at + 0.1, end.party, end.request, "ok")
            return Planted(changed(events, end, end, ok), end.request)
    return None


@plant("ended once")
def no_end(events: list[Event]) -> Planted | None:
    """A request is forgotten, and its party leaves without an answer."""
    for end in events:
        if end.kind == "ok" and end.party in closed(events):
            return Planted(changed(events, end), end.request)
    return None


@plant("ended once")
def an_answer_without_a_question(events: list[Event]) -> Planted | None:
    for request in requests(events, "transcribe"):
        return Planted(changed(events, of(events, request, "invoke")[0]), request)
    return None


@plant("ended once")
def more_after_the_end(events: list[Event]) -> Planted | None:
    for request in requests(events, "transcribe"):
        segments, ends = of(events, request, "segment"), of(events, request, "ok")
        if segments and ends:
            stop = segments[-1].more["stop"]
            late = moved(segments[-1], ends[0].at + 0.2, index=len(segments), start=stop)
            return Planted(changed(events, segments[-1], segments[-1], late), request)
    return None


# --- speech and transcripts ------------------------------------------------------------------------------------------


def _with(events: list[Event], kind: str, least: int) -> Iterator[tuple[str, list[Event]]]:
    for request in dict.fromkeys(event.request for event in events if event.kind == kind):
        stretches = of(events, request, kind)
        if len(stretches) >= least:
            yield request, stretches


@plant("speech")
def a_hole_in_speech(events: list[Event]) -> Planted | None:
    for request, audio in _with(events, "audio", 3):
        return Planted(changed(events, audio[1]), request)
    return None


@plant("speech")
def speech_received_twice(events: list[Event]) -> Planted | None:
    """A repetition begins anew, though something had come before."""
    for request, audio in _with(events, "audio", 2):
        return Planted(changed(events, audio[1], moved(audio[0], audio[1].at), audio[1]), request)
    return None


@plant("speech")
def speech_heard_twice(events: list[Event]) -> Planted | None:
    for request, sound in _with(events, "sound", 2):
        return Planted(changed(events, sound[-1], sound[-1], moved(sound[0], sound[-1].at)), request)
    return None


@plant("speech")
def a_hole_at_the_loudspeaker(events: list[Event]) -> Planted | None:
    for request, sound in _with(events, "sound", 3):
        return Planted(changed(events, sound[1]), request)
    return None


@plant("speech")
def speech_cut_short(events: list[Event]) -> Planted | None:
    """The result says that all has come, and the last piece has not."""
    for request, audio in _with(events, "audio", 2):
        if of(events, request, "ok") and not of(events, request, "sound"):
            return Planted(changed(events, audio[-1]), request)
    return None


@plant("speech")
def heard_before_it_came(events: list[Event]) -> Planted | None:
    for request, sound in _with(events, "sound", 2):
        audio = of(events, request, "audio")[len(sound) - 1]
        if sound[-2].at < audio.at < sound[-1].at:
            early = (sound[-2].at + audio.at) / 2
            return Planted(changed(events, sound[-1], moved(sound[-1], early)), request)
    return None


@plant("transcript")
def a_segment_left_out(events: list[Event]) -> Planted | None:
    for request, segments in _with(events, "segment", 3):
        return Planted(changed(events, segments[1]), request)
    return None


@plant("transcript")
def segments_in_the_wrong_order(events: list[Event]) -> Planted | None:
    for request, segments in _with(events, "segment", 3):
        first = changed(events, segments[1], replace(segments[1], more=segments[2].more))
        return Planted(changed(first, segments[2], replace(segments[2], more=segments[1].more)), request)
    return None


@plant("transcript")
def a_segment_repeated_after_a_kill(events: list[Event]) -> Planted | None:
    """The next supervisor begins with the segment that the client had last."""
    for request in requests(events, "transcribe"):
        for again in of(events, request, "again"):
            before = [event for event in of(events, request, "segment") if event.at < again.at]
            after = [event for event in of(events, request, "segment") if event.at > again.at]
            if before and after:
                return Planted(changed(events, after[0], moved(before[-1], after[0].at), after[0]), request)
    return None


@plant("transcript")
def a_transcript_cut_short(events: list[Event]) -> Planted | None:
    for request, segments in _with(events, "segment", 2):
        if of(events, request, "ok") and of(events, request, "invoke")[0].more.get("gapless"):
            return Planted(changed(events, segments[-1]), request)
    return None


@plant("transcript")
def a_segment_that_begins_before_the_last_has_ended(events: list[Event]) -> Planted | None:
    for request, segments in _with(events, "segment", 2):
        early = moved(segments[1], segments[1].at, start=segments[0].more["stop"] - 0.1)
        return Planted(changed(events, segments[1], early), request)
    return None


# --- the floor -------------------------------------------------------------------------------------------------------


def _turns(events: list[Event]) -> Iterator[tuple[Event, Event, Event]]:
    """The turns that were granted once and given back by the client itself: invoke, granted, released."""
    for request in requests(events, "claim"):
        invoke, *rest = of(events, request)
        if [event.kind for event in rest if event.kind != "waiting"] == ["granted", "released", "ok"]:
            yield invoke, *(event for event in rest if event.kind in ("granted", "released"))  # type: ignore[misc]


def _intruder(events: list[Event], device: str) -> Planted | None:
    """Another client gets a device while somebody has it."""
    if any(event.kind == "fault" for event in events):
        return None
    for invoke, granted, released in _turns(events):
        if device in invoke.more["devices"] and released.at - granted.at > 0.2:
            at, epoch = granted.at, granted.more["epoch"]
            theirs = [
                Event(at, "intruder", "odd", "invoke", {"op": "claim", "devices": [device], "priority": "text"}),
                Event(at + 0.1, "intruder", "odd", "granted", {"epoch": epoch}),
                Event(released.at + 0.1, "intruder", "odd", "released", {"keep": False}),
                Event(released.at + 0.2, "intruder", "odd", "ok"),
            ]
            return Planted(sorted([*events, *theirs], key=lambda event: event.at), "odd")
    return None


@plant("one holder")
def two_have_the_speaker(events: list[Event]) -> Planted | None:
    return _intruder(events, "speaker")


@plant("one holder")
def two_have_the_microphone(events: list[Event]) -> Planted | None:
    return _intruder(events, "microphone")


def _passed(events: list[Event], priority: str, other: str) -> Planted | None:
    """Gives these priorities to a claim and to one that asked before it and was granted after it."""
    if not calm(events):
        return None
    turns = list(_turns(events))
    for first, granted, released in turns:
        for invoke, later, _ in turns:
            waiting = of(events, invoke.request, "waiting")
            if (
                len(waiting) == 1
                and waiting[0].at < first.at < granted.at < released.at < later.at
                and set(invoke.more["devices"]) <= set(first.more["devices"])
            ):
                swapped = changed(events, first, moved(first, first.at, priority=priority))
                return Planted(changed(swapped, invoke, moved(invoke, invoke.at, priority=other)), first.request)
    return None


@plant("order")
def the_lower_priority_first(events: list[Event]) -> Planted | None:
    return _passed(events, "progress", "text")


@plant("order")
def the_later_one_first(events: list[Event]) -> Planted | None:
    return _passed(events, "text", "text")


@plant("silence")
def heard_after_the_turn(events: list[Event]) -> Planted | None:
    """A player goes on after it was told to be silent."""
    for _, sound in _with(events, "sound", 1):
        claim = sound[-1].more["claim"]
        told = [
            event for event in of(events, claim) if event.at > sound[-1].at and event.kind not in ("sound", "granted")
        ]
        if told and not [event for event in of(events, claim, "granted") if event.at > sound[-1].at]:
            return Planted(changed(events, sound[-1], moved(sound[-1], told[-1].at + 3)), claim)
    return None


@plant("silence")
def heard_without_the_floor(events: list[Event]) -> Planted | None:
    """A player does not wait for its turn."""
    for request, sound in _with(events, "sound", 1):
        claim = sound[0].more["claim"]
        invoke, granted = of(events, claim, "invoke")[0].at, of(events, claim, "granted")[0].at
        audio = max(of(events, request, "audio")[0].at, invoke)
        if audio < granted:
            return Planted(changed(events, sound[0], moved(sound[0], (audio + granted) / 2)), claim)
    return None


# --- leases ----------------------------------------------------------------------------------------------------------


def _lease(events: list[Event]) -> Iterator[tuple[str, Event, str]]:
    """The leases asked for once, with a status that must show them: request, row, holder."""
    if not calm(events):
        return
    for request in requests(events, "other"):
        wish = of(events, request, "invoke")[0].more
        end = of(events, request, "ok")
        same = [
            other
            for other in requests(events, "other")
            if all(of(events, other, "invoke")[0].more[name] == wish[name] for name in ("worker", "holder"))
        ]
        if not end or wish["keep_alive"] != 300:
            continue
        until = min(
            (of(events, other, "invoke")[0].at for other in same if other > request and other != request), default=1e9
        )
        for row in events:
            if row.kind == "worker" and row.more["worker"] == wish["worker"]:
                asked = of(events, row.request, "invoke")[0].at
                if end[0].at < asked and row.at < until and same[0] == request:
                    yield request, row, wish["holder"]


def _row(events: list[Event], change: Callable[[dict[str, float], str], dict[str, float]]) -> Planted | None:
    for request, row, holder in _lease(events):
        return Planted(
            changed(events, row, moved(row, row.at, leases=change(row.more["leases"], holder))), request
        )  # fmt: skip
    return None


@plant("lease")
def a_lease_shortened(events: list[Event]) -> Planted | None:
    """Another client's shorter wish has replaced it."""
    return _row(events, lambda leases, holder: leases | {holder: 5.0})


@plant("lease")
def a_lease_dropped(events: list[Event]) -> Planted | None:
    return _row(events, lambda leases, holder: {name: left for name, left in leases.items() if name != holder})


@plant("lease")
def a_lease_lengthened(events: list[Event]) -> Planted | None:
    return _row(events, lambda leases, holder: leases | {holder: 400.0})


@plant("lease")
def a_worker_that_left_in_spite_of_a_lease(events: list[Event]) -> Planted | None:
    for request, row, _ in _lease(events):
        end = of(events, row.request, "ok")[0]
        others = [name for name in end.more["workers"] if name != row.more["worker"]]
        return Planted(changed(changed(events, row), end, moved(end, end.at, workers=others)), request)
    return None


# --- the end of the storm --------------------------------------------------------------------------------------------


@plant("rest")
def an_end_that_came_too_late(events: list[Event]) -> Planted | None:
    (calm_,) = (event for event in events if event.kind == "calm")
    for end in reversed(events):
        if end.kind in ENDS:
            late = moved(end, calm_.at + calm_.more["bound"] + 100)
            rest = next(event for event in events if event.kind == "rest")
            return Planted(changed(changed(events, end, late), rest, moved(rest, late.at + 1)), end.request)
    return None


def _left(events: list[Event], **more: object) -> Planted:
    (rest,) = (event for event in events if event.kind == "rest")
    return Planted(changed(events, rest, moved(rest, rest.at, **more)), "")


@plant("rest")
def a_worker_between_two_states(events: list[Event]) -> Planted | None:
    return _left(events, workers={"stt/echo/a": "stopping"})


@plant("rest")
def a_floor_that_is_not_free(events: list[Event]) -> Planted | None:
    return _left(events, speaker="client 0")


@plant("rest")
def a_claim_that_waits_for_ever(events: list[Event]) -> Planted | None:
    return _left(events, waiting=1)


@plant("rest")
def a_lease_that_nobody_asked_for(events: list[Event]) -> Planted | None:
    return _left(events, leases=[["stt/echo/a", "nobody", 5.0]])


@plant("rest")
def an_account_that_is_not_the_sum(events: list[Event]) -> Planted | None:
    return _left(events, account=300_000_000)


@plant("rest")
def nobody_has_looked(events: list[Event]) -> Planted | None:
    return Planted([event for event in events if event.kind != "rest"], "")
