"""A job that waits for its client gives its slot away, and so does a long one: they are nobody else's to wait for."""

from __future__ import annotations

import math

import pytest
from hushd_protocol import messages as m
from hushd_protocol.limits import CREDIT_WINDOW
from hushd_supervisor.core import actions as do
from hushd_supervisor.core.worker.request import (
    CANCEL_S,
    IDLE_SLOT_S,
    NO_CREDIT_TIMEOUT_S,
    NOTICE_INTERVAL_S,
    YIELD_SLOT_S,
    ActiveRequest,
)
from support.desk import Desk

ALL = CREDIT_WINDOW


def desk_with(aside: int = 64, slots: int = 1, sessions: int = 0) -> Desk:
    """A desk whose worker is ready, and has done one job."""
    desk = Desk()
    desk.request()
    desk.from_worker(m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    desk.from_worker(m.Ready(slots=slots, sessions=sessions, aside=aside))
    desk.result()
    return desk


def ask(desk: Desk, client: bytes, **fields: object) -> ActiveRequest:
    desk.client = client
    return desk.request(**fields)


def pipe(desk: Desk, client: bytes = b"pipe", **fields: object) -> ActiveRequest:
    """A request whose worker has asked for its stream, of which nothing has come."""
    request = ask(desk, client, input="stream", **fields)
    if runs(desk, request):
        desk.from_worker(m.Credit(id=request.id, chunks=ALL))
    return request


def send(desk: Desk, request: ActiveRequest, *, used: bool, last: bool = False) -> None:
    """A chunk of input comes, and the worker comes for the next one if it is `used`."""
    sent = [a.message for a in desk.actions if isinstance(a, do.ToWorker) and isinstance(a.message, m.Chunk)]
    chunk = m.Chunk(id=request.id, seq=sum(each.id == request.id for each in sent), last=last)
    desk.input(request, chunk)
    if used:
        desk.from_worker(m.Credit(id=request.id, chunks=1))


def speak(desk: Desk, request: ActiveRequest, chunks: int = 1) -> None:
    for number in range(chunks):
        desk.from_worker(m.Chunk(id=request.id, seq=number))


def wait(desk: Desk, seconds: float) -> None:
    """Lets `seconds` pass, with a beat every 2 s that shows work."""
    end = desk.now + seconds
    while desk.now < end:
        beat = min(end, desk.now + 2)
        while (due := desk.worker.deadline()) <= beat:
            desk.tick(due)
        desk.now = beat
        desk.from_worker(m.Beat(cpu_s=desk.now))


def runs(desk: Desk, request: ActiveRequest) -> bool:
    return desk.jobs.running.get(request.id) is request


def test_a_stream_that_never_comes_keeps_nobody_waiting() -> None:
    """Two programs that send nothing: another's request runs 50 ms after the second, and all later ones at once."""
    desk = desk_with()
    first, second = pipe(desk, b"1"), pipe(desk, b"2")
    other = ask(desk, b"3")
    assert runs(desk, first)
    assert not runs(desk, second)
    assert not runs(desk, other)
    wait(desk, IDLE_SLOT_S)
    assert runs(desk, second)
    desk.from_worker(m.Credit(id=second.id, chunks=ALL))
    wait(desk, IDLE_SLOT_S)
    assert runs(desk, other)
    desk.from_worker(m.Result(id=other.id))
    for _ in range(3):
        latest = ask(desk, b"3")
        assert runs(desk, latest)
        desk.from_worker(m.Result(id=latest.id))
    assert runs(desk, first)
    assert runs(desk, second)


def test_a_pause_within_a_stream_gives_the_slot_away_and_the_rest_goes_on_beside() -> None:
    """A pipe speaks, pauses, and speaks again beside whoever has the slot by then."""
    desk = desk_with()
    talk = pipe(desk)
    send(desk, talk, used=False)
    wait(desk, 10)
    assert not talk.without_slot, "it is at work on what came"
    desk.from_worker(m.Credit(id=talk.id, chunks=1))
    wait(desk, IDLE_SLOT_S)
    assert talk.without_slot
    other = ask(desk, b"other")
    assert runs(desk, other)
    send(desk, talk, used=True)
    assert any(isinstance(a, m.Chunk) for a in [getattr(a, "message", None) for a in desk.actions[-2:]]), (
        "it is passed on"
    )
    send(desk, talk, used=False, last=True)
    desk.from_worker(m.Result(id=talk.id))
    assert desk.terminal(talk) == "result"
    assert runs(desk, other)


def test_a_slow_reader_gives_its_slot_away() -> None:
    """Six readers that grant a chunk in ten seconds: each is set aside when its credit is used up."""
    desk = desk_with()
    readers = [ask(desk, b"%d" % number, credit=1) for number in range(6)]
    for reader in readers:
        assert runs(desk, reader)
        speak(desk, reader)
        wait(desk, IDLE_SLOT_S)
    other = ask(desk, b"other")
    assert runs(desk, other)
    for number in range(1, 4):
        wait(desk, 10)
        for reader in readers:
            desk.grant(reader, 1)
            desk.from_worker(m.Chunk(id=reader.id, seq=number))
    assert not any(desk.terminal(reader) for reader in readers)
    due = desk.now + NO_CREDIT_TIMEOUT_S
    while desk.now < due:
        wait(desk, 1)
    assert {reader.ending for reader in readers} == {"slow_consumer"}


@pytest.mark.parametrize("pause", ["input", "credit"])
def test_a_short_wait_keeps_the_slot(pause: str) -> None:
    """A client that answers within 50 ms is not passed by another."""
    desk = desk_with()
    request = pipe(desk) if pause == "input" else ask(desk, b"reader", credit=1)
    other = ask(desk, b"other")
    for number in range(20):
        if pause == "credit":
            desk.from_worker(m.Chunk(id=request.id, seq=number))
        wait(desk, IDLE_SLOT_S * 0.9)
        if pause == "input":
            send(desk, request, used=True)
        else:
            desk.grant(request, 1)
    assert not runs(desk, other)
    assert not request.without_slot


@pytest.mark.parametrize("other_client", [b"other", b"mine"])
def test_one_clients_pauses_take_half_of_the_places_and_the_next_of_its_own_waits(other_client: bytes) -> None:
    """Beyond its share a client's own requests wait; another client's run, and those of its own other caller."""
    desk = desk_with(aside=4)
    mine = [pipe(desk, b"mine") for _ in range(2)]
    wait(desk, IDLE_SLOT_S)
    desk.from_worker(m.Credit(id=mine[1].id, chunks=ALL))
    wait(desk, IDLE_SLOT_S)
    assert all(request.without_slot for request in mine)
    third = ask(desk, b"mine")
    assert not runs(desk, third)
    other = ask(desk, other_client, caller=7)
    assert runs(desk, other)
    desk.from_worker(m.Result(id=other.id))
    assert not runs(desk, third)
    desk.from_worker(m.Error(id=mine[0].id, code="input_unreadable", message=""))
    assert runs(desk, third)


def test_a_long_job_gives_its_slot_to_another_program_and_goes_on_beside() -> None:
    """A text of hours costs another program's sentence seconds; what comes after that costs nothing."""
    desk = desk_with()
    book = ask(desk, b"reader")
    wait(desk, 100)
    other = ask(desk, b"other")
    wait(desk, YIELD_SLOT_S - 1)
    assert not runs(desk, other), "a short job would have ended by now"
    wait(desk, NOTICE_INTERVAL_S)
    assert runs(desk, other)
    desk.from_worker(m.Result(id=other.id))
    assert runs(desk, ask(desk, b"other"))
    desk.lifecycle.retire("unloaded")
    assert desk.worker.retires, "it waits for nobody, so it lasts no longer than its work"
    speak(desk, book, ALL)
    wait(desk, IDLE_SLOT_S)
    assert not desk.worker.retires, "now it waits for its client"
    desk.from_worker(m.Result(id=book.id))
    assert desk.terminal(book) == "result"


@pytest.mark.parametrize(
    ("running", "waiting", "aside", "client"),
    [
        ({}, {}, 64, b"1"),
        ({}, {}, 0, b"2"),
        ({"attempt": 1}, {}, 64, b"2"),
        ({"session": True}, {}, 64, b"2"),
        ({}, {"attempt": 1}, 64, b"2"),
    ],
    ids=["its own", "a worker that sets none aside", "a suspect", "a session", "for a suspect"],
)
def test_who_keeps_the_slot(running: dict[str, int], waiting: dict[str, int], aside: int, client: bytes) -> None:
    """However long another waits."""
    desk = desk_with(aside=aside)
    first = ask(desk, b"1", **running)
    second = ask(desk, client, **waiting)
    wait(desk, 100)
    assert runs(desk, first)
    assert not runs(desk, second)


def test_a_sleep_of_the_supervisor_is_no_pause_of_a_client() -> None:
    """A job that waited for input before it keeps its slot for as long after it as without the sleep."""
    message = m.Request(id=b"1" * 16, worker="stt/a/x", op="echo", input="stream", credit=1)
    request = ActiveRequest(b"r", message, "", "", 1, 0.0)
    request.run(0.0)
    request.receive(m.Credit(id=message.id, chunks=CREDIT_WINDOW), 10.0)
    request.extend_deadlines(100.0, 110.0)
    assert request.idle_slot_until() == 110.0 + IDLE_SLOT_S


def test_a_sleep_of_the_supervisor_is_no_deafness_of_an_engine() -> None:
    """A job that was told to end, since its process leaves, has as long for it after the sleep as without it."""
    request = ActiveRequest(b"r", m.Request(id=b"1" * 16, worker="stt/a/x", op="echo"), "", "", 1, 0.0)
    request.run(10.0)
    request.cancel("cancelled", 10.0)
    request.limit_cancel(10.0)
    request.extend_deadlines(100.0, 110.0)
    assert request.next_deadline(math.inf) == 110.0 + CANCEL_S
