"""The pool's answers to requests before any worker is asked."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_schema.settings import Settings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.pool import Pool
from msgspec.structs import replace
from support.house import ROUTE, A, B, C, House

ONE, TWO = b"1" * 16, b"2" * 16


def pool_with_client(settings: Settings | None = None) -> Pool:
    pool = Pool(settings or Settings(), version="1", pid=1)
    pool.handle(ev.FromClient(b"r", m.Hello(protocol=1, version="1")), 0)
    return pool


def said(actions: list[do.Action]) -> list[m.Message]:
    return [action.message for action in actions if isinstance(action, do.ToClient)]


def request(**fields: Any) -> ev.FromClient:
    return ev.FromClient(b"r", m.Request(**{"id": ONE, "worker": "stt", "op": "echo", "credit": 8} | fields))


def params_of_job(pool: Pool) -> dict[str, Any]:
    """The only worker is ready; returns what it is told beside its first job."""
    ((gen, row),) = pool.fleet.status(0)
    actions = pool.handle(ev.FromWorker(row.name, gen, m.Ready()), 0)
    (job,) = [a.message for a in actions if isinstance(a, do.ToWorker) and isinstance(a.message, m.Job)]
    return dict(job.params)


def test_an_id_in_use_is_refused_without_ending_its_request() -> None:
    """The refusal carries no id, since an error with it would end the request that has it, which goes on."""
    pool = pool_with_client()
    pool.handle(request(), 0)
    (refusal,) = said(pool.handle(request(), 1))
    assert isinstance(refusal, m.Error)
    assert (refusal.id, refusal.code) == (b"", "protocol_error")
    assert pool.fleet.status(1)[0][1].queued == 1
    assert said(pool.handle(ev.FromClient(b"r", m.Claim(id=ONE, devices=["speaker"], priority="text")), 1)) == [refusal]
    (report,) = pool.handle(ev.FromClient(b"r", m.Control(id=b"2" * 16, action="status")), 1)
    assert isinstance(report, do.ReportStatus)
    assert report.floor.speaker is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"worker": "stt/../x"}, "not a worker"), ({"worker": "llm"}, "not a role"),
        ({"worker": "stt/a/b/c"}, "not a worker"), ({"op": ""}, "no operation"), ({"priority": "urgent"}, "priority"),
        ({"input": "telepathy"}, "input"), ({"input": "path", "path": "relative.wav"}, "absolute"),
        ({"deadline_ms": 0}, "deadline_ms"), ({"keep_alive": float("inf")}, "keep_alive"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_a_sentence(fields: dict[str, Any], words: str) -> None:
    """bad_request at once, naming the fault; no worker comes into being for it."""
    pool = pool_with_client()
    (error,) = said(pool.handle(request(**fields), 0))
    assert isinstance(error, m.Error)
    assert (error.id, error.code) == (ONE, "bad_request")
    assert words in error.message
    assert pool.fleet.status(0) == []


def test_nothing_is_done_for_who_has_not_sentencehello() -> None:
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


def test_beyond_the_ceiling_a_client_gets_one_error() -> None:
    """The connection is refused in a sentence, nobody else's ends, and there is room again when one has left."""
    pool = Pool(Settings(), version="1", pid=1, most_clients=2)
    hello = m.Hello(protocol=1, version="1")
    for route in (b"1", b"2"):
        assert isinstance(said(pool.handle(ev.FromClient(route, hello), 0))[0], m.Welcome)
    (error,) = said(pool.handle(ev.FromClient(b"3", hello), 0))
    assert isinstance(error, m.Error)
    assert (error.id, error.code) == (b"", "server_busy")
    assert "2 connections" in error.message
    assert isinstance(said(pool.handle(ev.FromClient(b"2", hello), 0))[0], m.Welcome)
    pool.handle(ev.ClientGone(b"1"), 0)
    assert isinstance(said(pool.handle(ev.FromClient(b"3", hello), 0))[0], m.Welcome)


def test_an_engine_alone_means_its_usual_model() -> None:
    """The configured model of a configured engine; of another engine the one that it says is its usual one."""
    pool = Pool(Settings(), version="0", pid=1, default_model=lambda role, engine: f"{role}-of-{engine}")
    pool.handle(ev.FromClient(b"r", m.Hello(protocol=1, version="0", holder="t")), 0)
    for name, worker in ((ONE, "stt/other"), (TWO, "stt/moonshine")):
        pool.handle(request(id=name, worker=worker), 0)
    assert {row.name for _, row in pool.fleet.status(0)} == {"stt/other/stt-of-other", "stt/moonshine/tiny-en"}


@pytest.mark.parametrize(
    ("worker", "language", "model"),
    [
        ("stt", None, "moonshine/tiny-en"), ("stt", "fr", "moonshine/tiny-en"), ("stt", 3, "moonshine/tiny-en"),
        ("stt", "de", "whisper/small"), ("stt", "pt-BR", "whisper/br"), ("stt", "pt-PT", "whisper/pt"),
        ("stt/moonshine", "de", "moonshine/tiny-en"), ("tts", "de", "hibari/en"),
    ],
)  # fmt: skip
def test_a_language_has_its_own_model(worker: str, language: object, model: str) -> None:
    """A request that names a language and no engine goes to the model configured for that language; a country's own
    comes first, and a model that is named is not exchanged."""
    models = {"de": "whisper/small", "pt": "whisper/pt", "pt-br": "whisper/br"}
    pool = pool_with_client(Settings(stt_by_language=models))
    pool.handle(request(worker=worker, params={} if language is None else {"language": language}), 0)
    (status,) = [row for _, row in pool.fleet.status(0)]
    assert status.name == f"{worker.split('/')[0]}/{model}"


@pytest.mark.parametrize(("params", "model", "sent"), [
    ({"languages": ["fr"]}, "kokoro/v1.0", {"languages": ["fr"], "default_voice": "heart"}),
    ({"languages": ["de-AT"]}, "espeak-ng/all", {"languages": ["de-AT"], "default_voice": "heart"}),
    ({"languages": []}, "hibari/en", {"languages": [], "default_voice": "heart"}),
    ({"languages": ["en"], "language": "fr"}, "kokoro/v1.0", None),
    ({}, "hibari/en", {}),
    ({"voice": "heart"}, "hibari/en", {"voice": "heart"}),
])  # fmt: skip
def test_a_text_goes_to_the_voice_of_its_users_language(
    params: dict[str, object], model: str, sent: dict[str, object] | None
) -> None:
    """The first of the user's languages chooses the model; whoever names a voice, or no language, has the usual one."""
    settings = Settings(tts_by_language={"fr": "kokoro/v1.0", "de": "espeak-ng/all"}, voice="heart")
    pool = pool_with_client(settings)
    pool.handle(request(worker="tts", params=params), 0)
    (status,) = [row for _, row in pool.fleet.status(0)]
    assert status.name == f"tts/{model}"
    if sent is not None:
        assert params_of_job(pool) == sent


@pytest.mark.parametrize("worker", ["stt", "stt/whisper", "stt/whisper/base"])
@pytest.mark.parametrize(("language", "own"), [(None, ("pt", "en")), ("auto", ("pt", "en")), ("fr", None)])
def test_a_recording_without_a_language_has_the_users(worker: str, language: str | None, own: object) -> None:
    """Any model takes the user's languages for likelier."""
    pool = pool_with_client(Settings(languages=("pt", "en")))
    pool.handle(request(worker=worker, op="transcribe", params={"language": language}), 0)
    assert params_of_job(pool).get("languages") == own


@pytest.mark.parametrize(
    ("control", "code", "sentence"),
    [
        (m.Control(id=b"1" * 15, action="memory"), "bad_request", "A control needs an id and at most 64 names."),
        (m.Control(id=ONE, action="status", names=[""] * 65), "bad_request",
         "A control needs an id and at most 64 names."),
        (m.Control(id=ONE, action="dance" * 10), "unsupported", f"There is no control '{'dance' * 8}'."),
        (m.Control(id=ONE, action="unload", names=["s" * 81]), "bad_request",
         f"'{'s' * 80}' is not a worker: `hushd status` lists them."),
        (m.Control(id=ONE, action="describe", names=["stt", "llm"]), "bad_request",
         "The roles that can be described are stt, tts, wake, models."),
    ],
)  # fmt: skip
def test_a_control_that_makes_no_sense_is_a_sentence(control: m.Control, code: str, sentence: str) -> None:
    pool = pool_with_client()
    assert said(pool.handle(ev.FromClient(b"r", control), 0)) == [m.Error.of(control.id, HushdError(code, sentence))]


@pytest.mark.parametrize(
    ("control", "answer"),
    [
        (m.Control(id=ONE, action="memory"), do.ReportMemory(b"r", ONE)),
        (m.Control(id=ONE, action="reload"), do.Configure(b"r", ONE)),
        (m.Control(id=ONE, action="listen", names=["http=1"]), do.Listen(b"r", ONE, ("http=1",))),
        (m.Control(id=ONE, action="describe", names=["tts", "tts"]), do.Describe("tts")),
        (m.Control(id=ONE, action="listen", names=["a"] * 64), do.Listen(b"r", ONE, ("a",) * 64)),
        (m.Control(id=ONE, action="unload", names=["stt"]), do.ToClient(b"r", m.Result(id=ONE, data={"unloaded": []}))),
    ],
)  # fmt: skip
def test_a_control_is_answered_or_passed_on_to_who_can(control: m.Control, answer: do.Action) -> None:
    """Each role is asked once, however often it is named."""
    actions = pool_with_client().handle(ev.FromClient(b"r", control), 0)
    assert [action for action in actions if not isinstance(action, do.Log)] == [answer]


@pytest.mark.parametrize(("leaves", "still_described"), [("restart", True), ("shutdown", False)])
def test_a_supervisor_that_leaves_opens_no_door(leaves: str, still_described: bool) -> None:
    """It answers that it leaves; while it waits for its last jobs it still tells which engines there are."""
    house = House()
    job = house.busy(A)
    assert house.answer(house.control(leaves)) is not None
    refused = m.Error.of(b"", HushdError("shutting_down", "hushd is shutting down; ask again in a moment."))
    listen, describe = house.control("listen", "http=1"), house.control("describe")
    assert house.answer(listen) == replace(refused, id=listen)
    assert house.answer(describe) == (None if still_described else replace(refused, id=describe))
    assert (house.code(job), house.of(do.Listen)) == ("", [])


@pytest.mark.parametrize("action", ["restart", "shutdown"])
@pytest.mark.parametrize("refused", [{"id": b"short"}, {"names": ["a"] * 65}, {"route": b"never said hello"}])
def test_a_refused_wish_to_leave_changes_nothing(action: str, refused: dict[str, Any]) -> None:
    """The client hears why, nobody is turned away, and others' requests are served."""
    house = House()
    fields = {"route": ROUTE, "id": ONE, "names": [], **refused}
    (answer,) = house.tell(ev.FromClient(fields.pop("route"), m.Control(action=action, **fields)))
    assert isinstance(answer, do.ToClient)
    assert isinstance(answer.message, m.Error)
    house.busy(A)
    assert (house.of(do.PrepareEnd), house.spawned()) == ([], [A])


@pytest.mark.parametrize(("action", "stop"), [("restart", False), ("shutdown", True)])
def test_new_clients_are_turned_away_before_anybody_hears_of_the_end(action: str, stop: bool) -> None:
    """A client that hears the answer and asks at once comes to the next supervisor; with `restart` others may wait for
    it."""
    house = House()
    house.busy(A)
    before = len(house.done)
    house.control(action)
    first, second = house.done[before : before + 2]
    assert first == do.PrepareEnd(stop=stop)
    assert isinstance(second, do.ToClient)


@pytest.mark.parametrize("again", ["restart", "shutdown"])
@pytest.mark.parametrize("first", ["restart", "shutdown"])
def test_whoever_asks_twice_does_not_wait_for_running_jobs(first: str, again: str) -> None:
    """The second wish that the supervisor leave kills the process at work, as a second SIGTERM does."""
    house = House()
    house.busy(A)
    house.control(first)
    assert house.of(do.Kill) == []
    house.control(again)
    assert [kill.worker for kill in house.of(do.Kill)] == [A]


@pytest.mark.parametrize(("printed", "error", "why"), [
    ({"engines": 3}, "", "The description of the role stt cannot be read, for its engines must be a list, not 3."),
    ({}, "it crashed", "it crashed"),
])  # fmt: skip
def test_engines_that_cannot_be_listed_are_one_error(printed: dict[str, Any], error: str, why: str) -> None:
    """The error goes to whoever asked for them, whatever other roles are still missing."""
    house = House()
    asked, other = house.control("describe", "stt", "tts"), house.control("describe", "tts")
    house.tell(ev.Described("stt", printed, error))
    failure = HushdError("worker_failed", f"The stt engines could not be listed: {why}")
    assert house.answer(asked) == m.Error.of(asked, failure)
    house.tell(ev.Described("tts", {"version": "1"}, ""))
    found = {"tts": {"role": "", "version": "1", "default": "c/z", "engines": []}}
    assert house.answer(other) == m.Result(id=other, data=found)


def test_names_that_have_crashed_bar_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that stopped without a crash gives up its place first, and then those that have crashed."""
    monkeypatch.setattr("hushd_supervisor.core.fleet.MAX_WORKERS", 2)
    house = House()
    house.idle(A)
    house.idle(B)
    house.exit(A, 1)
    house.exit(B)
    house.wait(1.0)
    for name, known in ((C, [A, C]), ("stt/d/x", [C, "stt/d/x"])):
        assert not house.answer(house.request(name))
        assert [row.name for _, row in house.pool.fleet.status(house.now)] == known


def test_engines_are_told_once_all_roles_are_known() -> None:
    """A client that asked for two roles waits for both, and has both."""
    house = House()
    asked = house.control("describe", "stt", "tts")
    house.tell(ev.Described("stt", {"version": "1"}, ""))
    assert house.answer(asked) is None
    house.tell(ev.Described("tts", {"version": "2"}, ""))
    answer = house.answer(asked)
    assert isinstance(answer, m.Result)
    assert {role: each["version"] for role, each in answer.data.items()} == {"stt": "1", "tts": "2"}
