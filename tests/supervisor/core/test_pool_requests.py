"""The pool's answers to requests before any worker is asked."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_schema.settings import Settings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.connections import MAX_WOKEN, PING_S
from hushd_supervisor.core.pool import Pool
from hushd_supervisor.core.worker.jobs import TELL_S

ONE = b"1" * 16


def pool_with_client() -> Pool:
    pool = Pool(Settings(), version="1", pid=1)
    pool.handle(ev.FromClient(b"r", m.Hello(protocol=1, version="1")), 0)
    return pool


def said(actions: list[do.Action]) -> list[m.Message]:
    return [action.message for action in actions if isinstance(action, do.ToClient)]


def request(**fields: Any) -> ev.FromClient:
    return ev.FromClient(b"r", m.Request(**{"id": ONE, "worker": "stt", "op": "echo", "credit": 8} | fields))


def test_an_id_in_use_is_refused_without_ending_its_request() -> None:
    """The refusal carries no id, since an error with it would end the request that has it, which goes on."""
    pool = pool_with_client()
    pool.handle(request(), 0)
    (refusal,) = said(pool.handle(request(), 1))
    assert isinstance(refusal, m.Error)
    assert (refusal.id, refusal.code) == (b"", "protocol_error")
    assert pool.status(1)[0][1].queued == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"worker": "stt/../x"}, "not a worker"),
        ({"worker": "llm"}, "not a role"),
        ({"worker": "stt/a/b/c"}, "not a worker"),
        ({"op": ""}, "no operation"),
        ({"priority": "urgent"}, "priority"),
        ({"input": "telepathy"}, "input"),
        ({"input": "path", "path": "relative.wav"}, "absolute"),
        ({"deadline_ms": 0}, "deadline_ms"),
        ({"keep_alive": float("inf")}, "keep_alive"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(fields: dict[str, Any], words: str) -> None:
    """bad_request at once, naming the fault; no worker comes into being for it."""
    pool = pool_with_client()
    (error,) = said(pool.handle(request(**fields), 0))
    assert isinstance(error, m.Error)
    assert (error.id, error.code) == (ONE, "bad_request")
    assert words in error.message
    assert pool.status(0) == []


def test_nothing_is_done_for_who_has_not_said_hello() -> None:
    """The first message of a connection is hello, of this protocol."""
    pool = Pool(Settings(), version="1", pid=1)
    (error,) = said(pool.handle(request(), 0))
    assert isinstance(error, m.Error)
    assert error.code == "protocol_error"
    (error,) = said(pool.handle(ev.FromClient(b"r", m.Hello(protocol=2, version="9")), 0))
    assert isinstance(error, m.Error)
    assert error.code == "version_mismatch"
    assert "hushd/2" in error.message
    (error,) = said(pool.handle(request(), 0))
    assert isinstance(error, m.Error)


def test_an_engine_named_alone_waits_for_the_catalogue() -> None:
    """`stt/other` asks once what model that means; who cancels meanwhile is answered, the others are served."""
    pool = pool_with_client()
    assert do.Describe("stt") in pool.handle(request(worker="stt/other"), 0)
    pool.handle(request(id=b"2" * 16, worker="stt/other"), 0)
    (error,) = said(pool.handle(ev.FromClient(b"r", m.Cancel(id=b"2" * 16)), 1))
    assert isinstance(error, m.Error)
    assert error.code == "cancelled"
    catalogue = {"engines": [{"name": "other", "default_model": "large"}]}
    actions = pool.handle(ev.Described("stt", catalogue), 2)
    assert do.Spawn("stt/other/large", 1) in actions


def test_a_request_that_waits_for_the_catalogue_is_told_so() -> None:
    """A client hears every four seconds what its request waits for, and nothing of it once that is served."""
    pool = pool_with_client()
    told = m.Accepted(id=ONE, state="queued", note="the engines are asked for their models")
    pool.handle(request(worker="stt/other"), 0)
    assert told not in said(pool.on_time(TELL_S - 0.1))
    for now in (TELL_S, 2 * TELL_S):
        assert (pool.deadline() or 99) <= now
        assert told in said(pool.on_time(now))
        assert told not in said(pool.on_time(now + 0.1))
    pool.handle(ev.Described("stt", {"engines": [{"name": "other", "default_model": "large"}]}), 9)
    assert told not in said(pool.on_time(30))


def test_the_id_of_a_request_that_waits_for_the_catalogue_is_in_use() -> None:
    """Two requests of one id would end twice: the second is refused at once, and the first is served."""
    pool = pool_with_client()
    pool.handle(request(worker="stt/other"), 0)
    (error,) = said(pool.handle(request(worker="stt/other"), 0))
    assert isinstance(error, m.Error)
    assert (error.id, error.code) == (b"", "protocol_error")
    pool.handle(ev.Described("stt", {"engines": [{"name": "other", "default_model": "large"}]}), 1)
    pool.handle(ev.ClientGone(b"r"), 2)
    assert len(pool.status(2)) == 1


@pytest.mark.parametrize(
    "asked", [request(worker="stt/other"), ev.FromClient(b"r", m.Control(id=ONE, action="describe"))]
)
def test_a_client_that_waits_for_a_catalogue_is_pinged(asked: ev.FromClient) -> None:
    """On a busy machine the engines may take longer than a client waits for a supervisor that says nothing."""
    pool = pool_with_client()
    pool.handle(asked, 0)
    for _ in range(10):
        due = pool.deadline()
        assert due is not None
        assert m.Ping() in said(pool.on_time(due))
        pool.handle(ev.FromClient(b"r", m.Pong()), due)
    pool.handle(ev.FromClient(b"r", m.Cancel(id=ONE)), due)
    pool.handle(ev.ClientGone(b"r"), due)
    assert pool.deadline() is None


def test_a_crowd_is_pinged_in_turns() -> None:
    """Each of 500 clients with a request is pinged every two seconds, and never more than a few at the same moment."""
    pool = Pool(Settings(queue=5000), version="1", pid=1)
    for number in range(500):
        route = b"r%d" % number
        pool.handle(ev.FromClient(route, m.Hello(protocol=1, version="1", pid=number + 1)), 0)
        pool.handle(ev.FromClient(route, request(id=number.to_bytes(16, "big"), worker="stt/other").message), 0)
    pinged: dict[bytes, list[float]] = {}
    while (due := pool.deadline()) is not None and due <= 10:
        for action in pool.on_time(due):
            if isinstance(action, do.ToClient) and isinstance(action.message, m.Ping):
                pinged.setdefault(action.route, []).append(due)
        for route, times in pinged.items():
            if times[-1] == due:
                pool.handle(ev.FromClient(route, m.Pong()), due)
        together = [times[-1] for times in pinged.values()].count(due)
        assert together <= MAX_WOKEN
    assert len(pinged) == 500
    for times in pinged.values():
        assert len(times) >= 4
        assert all(abs(later - earlier - PING_S) < 0.01 for earlier, later in pairwise(times))


def test_the_limit_over_all_workers_counts() -> None:
    """However many workers there are, no more requests wait than the configuration allows."""
    pool = Pool(Settings(queue=3), version="1", pid=1)
    pool.handle(ev.FromClient(b"r", m.Hello(protocol=1, version="1")), 0)
    answers: list[m.Message] = []
    for number in range(5):
        worker = "stt" if number % 2 else "tts"
        answers += said(pool.handle(request(id=number.to_bytes(16, "big"), worker=worker), 0))
    assert [a.code for a in answers if isinstance(a, m.Error)] == ["overloaded", "overloaded"]


@pytest.mark.parametrize(
    ("worker", "language", "model"),
    [
        ("stt", None, "moonshine/tiny-en"),
        ("stt", "fr", "moonshine/tiny-en"),
        ("stt", 3, "moonshine/tiny-en"),
        ("stt", "de", "whisper/small"),
        ("stt", "pt-BR", "whisper/br"),
        ("stt", "pt-PT", "whisper/pt"),
        ("stt/moonshine", "de", "moonshine/tiny-en"),
        ("tts", "de", "hibari/en"),
    ],
)
def test_a_language_has_its_own_model(worker: str, language: object, model: str) -> None:
    """A request that names a language and no engine goes to the model configured for that language; a country's own
    comes first, and a model that is named is not exchanged."""
    models = {"de": "whisper/small", "pt": "whisper/pt", "pt-br": "whisper/br"}
    pool = Pool(Settings(stt_by_language=models), version="1", pid=1)
    pool.handle(ev.FromClient(b"r", m.Hello(protocol=1, version="1")), 0)
    pool.handle(request(worker=worker, params={} if language is None else {"language": language}), 0)
    (status,) = [row for _, row in pool.status(0)]
    assert status.name == f"{worker.split('/')[0]}/{model}"
