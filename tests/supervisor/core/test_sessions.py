"""Files and live sessions on one worker: places counted apart, and nobody kept waiting by the other kind."""

from __future__ import annotations

from hushd_protocol import messages as m
from hushd_schema.settings import WorkerSettings
from hushd_supervisor.core.worker.request import NOTICE_INTERVAL_S, ActiveRequest
from hushd_supervisor.core.worker.states import State
from support.desk import Desk


def desk_with(slots: int, sessions: int, settings: WorkerSettings | None = None) -> Desk:
    """A worker that has just become ready, with these places."""
    desk = Desk(settings)
    desk.request(op="warm")
    desk.from_worker(m.Ready(slots=slots, sessions=sessions, pss=300_000_000))
    assert desk.worker.state is State.READY
    return desk


def speak(desk: Desk, **fields: object) -> ActiveRequest:
    """Somebody begins to speak."""
    return desk.request(session=True, input="stream", **fields)


def test_until_it_is_known_that_sessions_have_places_all_wait_in_one_line() -> None:
    """A session that comes after a file is not said to be the next."""
    desk = Desk()
    desk.request()
    session = speak(desk)
    assert places(desk, session) == [("starting", 1)]


def end(desk: Desk, request: ActiveRequest) -> None:
    desk.from_worker(m.Result(id=request.message.id))


def runs(desk: Desk, *requests: ActiveRequest) -> bool:
    """Returns whether exactly these run."""
    return list(desk.jobs.running.values()) == list(requests)


def places(desk: Desk, request: ActiveRequest) -> list[tuple[str, int]]:
    """Its place in the queue, as reported to its client."""
    return [(a.state, a.position) for a in desk.answers(request) if isinstance(a, m.Accepted)]


def test_each_kind_has_a_line_of_its_own() -> None:
    """A waiting request learns how many of its kind are before it, and is served when one of its kind ends."""
    desk = desk_with(1, 1)
    file, live = desk.request(), speak(desk)
    file_2, live_2, live_3 = desk.request(), speak(desk), speak(desk)
    assert [places(desk, t)[0] for t in (file_2, live_2, live_3)] == [("queued", 0), ("queued", 0), ("queued", 1)]
    end(desk, live)
    assert runs(desk, file, live_2)
    desk.tick(desk.now + NOTICE_INTERVAL_S)
    assert places(desk, live_3) == [("queued", 1), ("queued", 0)]
    end(desk, file)
    assert runs(desk, live_2, file_2)


def test_a_suspect_waits_for_files_and_not_for_sessions() -> None:
    """A file that was in a crash runs beside no other file. Neither it nor who comes after it waits for a session."""
    desk = desk_with(2, 4)
    live, file = speak(desk), desk.request()
    suspect = desk.request(attempt=1)
    behind, late = desk.request(), speak(desk)
    assert runs(desk, live, file, late)
    end(desk, file)
    assert runs(desk, live, late, suspect)
    end(desk, suspect)
    assert runs(desk, live, late, behind)


def test_only_who_was_alone_is_called_poison() -> None:
    """A file whose worker dies under it twice, with somebody speaking each time, may be innocent: worker_crashed. The
    two crashes are theirs all the same, and close the worker for nobody."""
    desk = desk_with(1, 1)
    for _ in range(3):
        file = desk.request()
        for _ in range(2):
            live = speak(desk)
            if desk.worker.state is State.BACKOFF:
                desk.time()
            if desk.worker.state is State.STARTING:
                desk.from_worker(m.Ready(slots=1, sessions=1))
            assert set(desk.jobs.running.values()) == {file, live}
            desk.exit(-11)
            assert desk.terminal(live) == "worker_crashed"
        assert desk.terminal(file) == "worker_crashed"
        assert desk.worker.state is not State.FAILED
    assert not desk.crashes


def test_a_session_that_kills_its_worker_alone_is_poison() -> None:
    """Asked for again by its client, and nobody else there."""
    desk = desk_with(1, 1)
    again = speak(desk, attempt=1)
    desk.exit(-11)
    assert desk.terminal(again) == "poison_request"
