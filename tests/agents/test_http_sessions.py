"""Sessions over HTTP: which ends for another, what a broken stream reads again, which ids are free, when all ends."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest
from support.peer import BOUND_S

if find_spec("mcp") is None:
    pytest.skip("the extra mcp is not installed", allow_module_level=True)

import httpx2  # comes with the SDK
from hushd_mcp import sessions, work
from hushd_mcp.sessions import Agents, LastMessages, SharedTasks
from mcp.server.streamable_http import EventMessage
from mcp_types import JSONRPCNotification

from .test_over_http import BEGIN, call

NOTE = JSONRPCNotification(jsonrpc="2.0", method="notifications/progress")


class Clock:
    """The time of tasks and of the process, which passes when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        for module in (work, sessions):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks need no supervisor, and two sessions are all that there may be."""
    monkeypatch.setattr("hushd_mcp.work.Client", lambda holder: nullcontext())
    monkeypatch.setattr(sessions, "MAX_HTTP_SESSIONS", 2)


class Asking:
    """A program that asks the application by hand, and the names of its sessions."""

    def __init__(self, agents: Agents, http: httpx2.AsyncClient) -> None:
        self.agents = agents
        self._http = http

    async def post(self, message: dict[str, Any], name: str = "", **headers: str) -> httpx2.Response:
        usual = {"Accept": "application/json, text/event-stream"} | ({"Mcp-Session-Id": name} if name else {})
        return await asyncio.wait_for(self._http.post("/mcp", json=message, headers=usual | headers), BOUND_S)

    async def begin(self) -> str:
        return str((await self.post(call(1, "initialize", **BEGIN))).headers["Mcp-Session-Id"])

    async def are_there(self, *names: str) -> list[bool]:
        return [(await self.post(call(2, "ping"), name)).status_code == 200 for name in names]


@asynccontextmanager
async def asking() -> AsyncIterator[Asking]:
    agents = Agents()
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(agents), base_url="http://hushd")
    async with agents.shared.http.run(), http:
        try:
            yield Asking(agents, http)
        finally:
            await agents.end()


def finished(tasks: work.TaskRegistry, kind: str = "transcribe") -> work.Task:
    """A task with a result that nobody has fetched."""
    task = tasks.begin(kind, "a host", lambda client, task: {"text": "heard"})
    assert task.finished.wait(BOUND_S)
    assert task.error is None
    return task


async def test_a_session_with_a_kept_result_is_not_ended_for_another() -> None:
    """A younger one without a result ends instead; once the result was fetched, its session ends like any other."""
    async with asking() as program:
        kept, idle = await program.begin(), await program.begin()
        task = finished(program.agents._named[kept].tasks)
        third = await program.begin()
        assert await program.are_there(idle, kept, third) == [False, True, True]
        task.reported = True
        await program.begin()
        assert await program.are_there(kept, third) == [False, True]


async def test_where_every_session_keeps_a_result_a_new_one_is_refused() -> None:
    async with asking() as program:
        names = [await program.begin() for _ in range(2)]
        for name in names:
            finished(program.agents._named[name].tasks)
        refused = await program.post(call(1, "initialize", **BEGIN))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, -32000)
        assert await program.are_there(*names) == [True, True]


async def test_two_that_begin_at_once_have_two_places() -> None:
    """A session that was asked to end makes room once."""
    async with asking() as program:
        olds = [await program.begin() for _ in range(2)]
        news = await asyncio.gather(program.begin(), program.begin())
        assert await program.are_there(*olds, *news) == [False, False, True, True]


@pytest.mark.parametrize("message", [call(1, "ping"), {"jsonrpc": "2.0", "method": "notifications/initialized"}])
async def test_a_refused_request_begins_no_session(message: dict[str, Any]) -> None:
    """Whoever asks without a session for anything but one takes nobody's place."""
    async with asking() as program:
        assert (await program.post(message)).status_code == 400
        await asyncio.wait_for(asyncio.gather(*program.agents._serving.values()), BOUND_S)
        assert program.agents._named == {}


async def replayed(messages: LastMessages, last: str) -> tuple[str | None, list[str | None]]:
    """The stream of an event, and the ids of those that are sent again after it."""
    sent: list[str | None] = []

    async def send(event: EventMessage) -> None:
        sent.append(event.event_id)

    return await messages.replay_events_after(last, send), sent


async def test_a_stream_replays_its_own_messages_alone() -> None:
    """It sends those after the last one that came, each with its id; another stream's go to whoever reads that one."""
    messages = LastMessages()
    first = [await messages.store_event(stream, NOTE) for stream in "aabab"]
    assert first == ["1", "2", "3", "4", "5"]
    assert await replayed(messages, "1") == ("a", ["2", "4"])
    assert await replayed(messages, "3") == ("b", ["5"])
    assert await replayed(messages, "4") == ("a", [])


async def test_a_stream_begins_with_an_event_that_is_no_message() -> None:
    """A client that has only that one reads all; it is not sent again."""
    messages = LastMessages()
    for message in (None, NOTE, None, NOTE):
        await messages.store_event("a", message)
    assert await replayed(messages, "1") == ("a", ["2", "4"])


@pytest.mark.parametrize("last", ["7", "0", "-1", "", "one", "²", "01"])
async def test_nothing_is_replayed_after_an_event_that_is_unknown(last: str) -> None:
    messages = LastMessages()
    await messages.store_event("a", NOTE)
    assert await replayed(messages, last) == (None, [])


async def test_the_last_256_messages_are_kept() -> None:
    """Numbers go on, so that a client is never sent what it has."""
    messages = LastMessages()
    for _ in range(300):
        await messages.store_event("a", NOTE)
    assert await replayed(messages, "44") == (None, [])
    assert await replayed(messages, "45") == ("a", [str(number) for number in range(46, 301)])


class Stuck:
    """A request whose client does not read the end of its answer yet: it is unanswered until `read`."""

    def __init__(self, program: Asking, name: str, message: dict[str, Any]) -> None:
        self._writes, self._reads = asyncio.Event(), asyncio.Event()
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(self._serve), base_url="http://hushd")
        self._agents = program.agents
        self.request = asyncio.create_task(Asking(program.agents, http).post(message, name))

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_later(message: Any) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._writes.set()
                await self._reads.wait()
            await send(message)

        await self._agents(scope, receive, send_later)

    async def is_served(self) -> None:
        await asyncio.wait_for(self._writes.wait(), BOUND_S)

    async def read(self) -> int:
        self._reads.set()
        return (await self.request).status_code


async def test_an_id_is_free_after_a_cancellation_whose_request_has_not_ended() -> None:
    """It was taken until then, and that of a request that was not cancelled still is."""
    notice = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}
    async with asking() as program:
        name = await program.begin()
        stuck = [Stuck(program, name, call(number, "ping")) for number in (5, 6)]
        for each in stuck:
            await each.is_served()
        assert [(await program.post(call(number, "ping"), name)).status_code for number in (5, 6)] == [400, 400]
        assert (await program.post(notice, name)).status_code == 202
        assert [(await program.post(call(number, "ping"), name)).status_code for number in (5, 6)] == [200, 400]
        await asyncio.gather(*(each.read() for each in stuck))


async def test_the_end_of_a_cancelled_request_frees_no_later_ones_id() -> None:
    """The later one still runs, so a third of its id is refused."""
    notice = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}
    async with asking() as program:
        name = await program.begin()
        cancelled = Stuck(program, name, call(5, "ping"))
        await cancelled.is_served()
        assert (await program.post(notice, name)).status_code == 202
        later = Stuck(program, name, call(5, "ping"))
        await later.is_served()
        await cancelled.read()
        assert (await program.post(call(5, "ping"), name)).status_code == 400
        assert await later.read() == 200


async def test_an_id_is_free_after_its_answer_and_taken_in_one_session_alone() -> None:
    async with asking() as program:
        names = [await program.begin() for _ in range(2)]
        assert [(await program.post(call(5, "ping"), names[0])).status_code for _ in range(2)] == [200, 200]
        stuck = Stuck(program, names[0], call(5, "ping"))
        await stuck.is_served()
        assert [(await program.post(call(5, "ping"), name)).status_code for name in names] == [400, 200]
        assert await stuck.read() == 200


async def test_the_process_stays_while_a_result_of_a_client_without_a_session_waits(clock: Clock) -> None:
    """Once it was fetched, or nobody has come for it in ten minutes, the process rests."""
    for told in (True, False):
        agents = Agents()
        task = finished(agents.shared.tasks)
        clock.now += work.RESULT_S - 1
        assert agents.rests_for() == 0
        if told:
            task.reported = True
            clock.now += 5
            assert agents.rests_for() == 5
        else:
            clock.now += 7
            assert agents.rests_for() == 7


async def test_the_process_stays_for_whoever_is_connected_and_for_sessions(clock: Clock) -> None:
    """It rests since the last of them; a session that nobody is connected with is still one."""
    async with asking() as program:
        agents = program.agents
        clock.now += 100
        assert agents.rests_for() == 100
        stuck = Stuck(program, "", call(5, "ping"))
        await stuck.is_served()
        clock.now += 100
        assert agents.rests_for() == 0, "a request is unanswered"
        assert await stuck.read() == 400
        await program.begin()
        clock.now += 100
        assert agents.rests_for() == 0
        (session,) = agents._serving
        session.over.set()
        await asyncio.wait_for(agents._serving[session], BOUND_S)
        clock.now += 100
        assert agents.rests_for() == 100


async def test_a_session_ends_once_nobody_has_needed_it_for_its_time(clock: Clock) -> None:
    """One over HTTP after ten minutes, a pipe's after one; a result that is kept, or a request, puts it off."""
    async with asking() as program, pipe(program):
        of_pipe = program.agents._named["pipe"]
        over_http = program.agents._named[await program.begin()]
        task = finished(of_pipe.tasks)
        for after, ended in ((59, [False, False]), (500, [False, False]), (40, [False, False])):
            clock.now += after
            program.agents.rests_for()
            assert [of_pipe.over.is_set(), over_http.over.is_set()] == ended
        task.reported = True
        for after, ended in ((59, [False, True]), (1, [True, True])):
            clock.now += after
            program.agents.rests_for()
            assert [of_pipe.over.is_set(), over_http.over.is_set()] == ended, after


@asynccontextmanager
async def pipe(program: Asking) -> AsyncIterator[Held]:
    """The request that stays open as long as a pipe."""
    held = Held(program)
    try:
        await asyncio.wait_for(held.beats.get(), BOUND_S)
        yield held
    finally:
        held.leave()
        await asyncio.wait_for(held.serving, BOUND_S)


class Held:
    """A pipe's open request, and the messages that it has had."""

    def __init__(self, program: Asking, **about: Any) -> None:
        self._gone = asyncio.Event()
        self._sent = iter([{"type": "http.request", "body": b""}])
        self.beats: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        headers = [(b"x-hushd-pipe", b"pipe"), (b"x-hushd-host", json.dumps(about).encode())]
        scope = {"type": "http", "method": "GET", "path": "/mcp", "headers": headers}
        self.serving = asyncio.create_task(program.agents(scope, self._receive, self.beats.put))

    def leave(self) -> None:
        self._gone.set()

    async def _receive(self) -> dict[str, Any]:
        if message := next(self._sent, None):
            return message
        await self._gone.wait()
        return {"type": "http.disconnect"}


async def test_a_host_that_has_gone_ends_its_session_and_what_it_asked_for() -> None:
    """Its tasks are ended, and a later request is told that the session is gone, upon which a pipe begins another."""
    ended = threading.Event()

    def listen(client: object, task: work.Task) -> dict[str, Any]:
        with task.scope.ending(ended.set):
            ended.wait(BOUND_S)
        return {}

    async with asking() as program:
        async with pipe(program):
            tasks = program.agents._named["pipe"].tasks
            listening = tasks.begin("listen", "a host", listen)
            assert (await program.post(call(1, "initialize", **BEGIN), **{"X-Hushd-Pipe": "pipe"})).status_code == 200
        assert listening.finished.is_set()
        assert (await program.post(call(2, "ping"), **{"X-Hushd-Pipe": "pipe"})).status_code == 410
        assert program.agents._named == {}


def test_clients_without_a_session_leave_one_another_the_microphone(clock: Clock) -> None:
    """Within a session a later call takes it; a stranger's ends nothing."""
    for tasks, ends in ((work.TaskRegistry(), True), (SharedTasks(), False)):
        first = tasks.begin("listen", "a host", lambda client, task: {})
        assert first.finished.wait(BOUND_S)
        first.finished.clear()  # as if it still listened
        clock.now += work.GIVEN_UP_S
        tasks.begin("listen", "another", lambda client, task: {})
        assert bool(first._ended_because) is ends


def test_as_many_without_a_session_may_call_as_there_may_be_sessions() -> None:
    assert SharedTasks.most == 256 > work.MAX_TASKS
