"""Tests of the loop with a scripted pool, over real sockets and with fake processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import zmq
from hushd_protocol import __version__
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import Bye, Control, Error, Hello, Ping, Pong, Result, Welcome
from hushd_protocol.system.own_modules import Replaced
from hushd_protocol.system.paths import find, prepare_state
from hushd_schema.settings import Settings
from hushd_schema.status import MemoryStatus, WorkerStatus
from hushd_supervisor.core import actions as a
from hushd_supervisor.core import events as e
from hushd_supervisor.system.children import Children
from hushd_supervisor.system.describe import Descriptions
from hushd_supervisor.system.loop import Loop
from hushd_supervisor.system.memory.needs import Needs
from hushd_supervisor.system.signals import LEAVE, Signals
from hushd_supervisor.system.sockets.client_socket import ClientSocket
from hushd_supervisor.system.sockets.lock import ListeningSocket, SocketWatch, answers
from hushd_supervisor.system.sockets.worker_socket import WorkerSocket
from hushd_supervisor.system.source import Outcome, Perform, Source
from hushd_supervisor.system.status import Reporter
from support.fake_process import FakeLauncher
from support.peer import BOUND_S, Peer, wait_until

NAME = "stt/fake/one"
ID = bytes(range(16))
WELCOME = Welcome(protocol=PROTOCOL, version=__version__, pid=os.getpid())


class ScriptedPool:
    """Answers events as `rules` say, in the loop's thread; remembers all of them."""

    def __init__(self) -> None:
        self.events: list[e.Event] = []
        self.rule = on(e.Shutdown, a.PrepareEnd(stop=True))
        self.due: float | None = None
        self.next_due: float | None = None
        self.at_due: list[a.Action] = []
        self.heard_at_tick: list[int] = []  # the number of events before each call of `on_time`
        self.ticks = 0
        self.changed = threading.Condition()

    def handle(self, event: e.Event, now: float) -> list[a.Action]:
        out = self.rule(event)
        if isinstance(event, e.FromClient) and isinstance(event.message, Hello):
            out = [a.ToClient(event.route, WELCOME), *out]
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()
        return out

    def on_time(self, now: float) -> list[a.Action]:
        with self.changed:
            self.ticks += 1
            self.due = self.next_due
            self.heard_at_tick.append(len(self.events))
            self.changed.notify_all()
        return self.at_due

    def deadline(self) -> float | None:
        return self.due

    def status(self, now: float) -> list[tuple[int, WorkerStatus]]:
        return []

    def memory(self, now: float) -> MemoryStatus:
        return MemoryStatus(
            budget_mb=800, used_mb=0, available_mb=500, reserve_mb=60, pressure="warning", cards=(), cards_error=""
        )

    def wait_for(self, kind: type[Any], count: int = 1) -> list[Any]:
        """The events of a kind, once there are `count` of them."""

        with self.changed:
            assert self.changed.wait_for(lambda: len(self.of(kind)) >= count, BOUND_S), self.events
        return self.of(kind)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class Extra(Source):
    """A part of a test's own, of which the loop knows nothing: a pipe, a time, an action; it remembers its calls."""

    def __init__(self) -> None:
        self.readable, self.writable = os.pipe()
        self.due: float | None = None
        self.seen: list[e.Event] = []
        self.ended: list[str] = []
        self.lies_unread: Callable[[], bool] = lambda: False
        self.is_over = True

    def register(self, poller: zmq.Poller) -> None:
        poller.register(self.readable, zmq.POLLIN)

    def actions(self) -> Mapping[type[a.Action], Perform]:
        return {a.Listen: self._check}

    def _check(self, action: a.Listen) -> Iterator[Outcome]:
        yield a.ToClient(action.route, Result(id=action.id, data={"heard": True}))
        yield e.Described("stt")

    def deadline(self) -> float | None:
        return self.due

    def on_time(self, now: float) -> Iterator[e.Event]:
        if self.due is not None and self.due <= now:
            self.due = None
            yield e.Visited(True)

    def events(self, ready: Container[object], now: float) -> Iterator[e.Event]:
        if self.readable in ready:
            yield from map(e.Described, os.read(self.readable, 100).decode().split())

    def unread(self) -> bool:
        return self.lies_unread()

    def observe(self, event: e.Event, now: float) -> None:
        self.seen.append(event)

    def prepare_end(self, *, stop: bool) -> None:
        self.ended.append("stop" if stop else "leave")

    def finish(self, now: float) -> bool:
        self.ended.append("finish")
        return self.is_over

    def close(self) -> None:
        self.ended.append("close")
        os.close(self.readable)
        os.close(self.writable)


class Stage:
    """A loop on a thread of its own, the signal descriptor's writer, and its scripted pool."""

    def __init__(self) -> None:
        self.pool = ScriptedPool()
        self.launch = FakeLauncher()
        self.log: list[tuple[str, str]] = []
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        prepare_state(find())
        poller = zmq.Poller()
        children = Children(poller, self.launch)
        worker_listener, self.listener = ListeningSocket(find().worker_socket), ListeningSocket(find().client_socket)
        self.signals = Signals()

        def record(level: str, text: str) -> None:
            self.log.append((level, text))

        self.clients = ClientSocket(self.context, self.listener)
        self.workers = WorkerSocket(self.context, worker_listener, children, find(), Settings(), WELCOME, record)
        self.extra = Extra()
        self.before_close: Callable[[], object] = lambda: None
        sources = [
            self.signals,
            self.workers,
            Descriptions(children, find().logs, lambda role: ["describe", role]),
            self.clients,
            SocketWatch((self.listener, worker_listener), record, apart=0.0),
            Reporter(self.pool, self.workers),
            Needs(find().needs),
            self.extra,
        ]
        for number in LEAVE:
            self.signals.on(number, lambda now: [e.Shutdown()])
        self.loop = Loop(self.pool, poller, sources, record)
        self.peers: list[Peer] = []
        self._thread = threading.Thread(target=self._run)

    def start(self, rule: Callable[[e.Event], list[a.Action]] | None = None) -> None:
        self.pool.rule = rule or self.pool.rule
        self._thread.start()

    def connect(self) -> Peer:
        self.peers.append(Peer(find().client_socket))
        return self.peers[-1]

    def ended(self) -> bool:
        """Returns whether the loop has returned."""
        self._thread.join(BOUND_S)
        return not self._thread.is_alive()

    def close(self) -> None:
        self.pool.rule = lambda event: [a.PrepareEnd(stop=True), a.Leave()]
        if self._thread.is_alive():
            signal.raise_signal(signal.SIGTERM)
        assert self._thread.ident is None or self.ended()
        for peer in self.peers:
            peer.close()
        self.launch.close()
        self.signals.restore()
        self.context.term()

    def _run(self) -> None:
        try:
            self.loop.run()
        finally:
            self.before_close()
            self.loop.close()


@pytest.fixture
def stage(runtime: Path) -> Iterator[Stage]:
    opened = Stage()
    yield opened
    opened.close()


def on(kind: type[Any], *out: a.Action) -> Callable[[e.Event], list[a.Action]]:
    """A rule: `out` at each event of `kind`."""
    return lambda event: list(out) if isinstance(event, kind) else []


def test_failed_actions_come_back_as_events_after_the_others(stage: Stage) -> None:
    """A send to a client or worker that is gone and a failed spawn come back in order; the actions between are done."""
    stage.launch.error = OSError(2, "No such file or directory")
    stage.start(on(e.ClientGone, a.ToWorker(NAME, 7, Bye()), a.Spawn(NAME, 8), a.Log("INFO", "done")))
    stage.connect().close()
    stage.pool.wait_for(e.SpawnFailed)
    gone, failed, spawn = stage.pool.events[-3:]
    assert isinstance(gone, e.ClientGone)
    assert failed == e.SendFailed(NAME, 7)
    assert isinstance(spawn, e.SpawnFailed)
    assert ("INFO", "done") in stage.log
    stage.peers.clear()


@pytest.mark.parametrize("arrives", ["once", "always"])
def test_race_23_a_timer_waits_for_messages_that_lie_unread(stage: Stage, arrives: str) -> None:
    """A message that arrives as a timer is due is read before anything is judged, unless others never end to arrive."""
    arrived: list[bytes] = []

    def unread() -> bool:
        if arrived and arrives == "once":
            return False
        arrived.append(b"tts ")
        return bool(os.write(stage.extra.writable, arrived[-1]))

    stage.extra.lies_unread = unread
    stage.pool.due = float("-inf")
    stage.start()
    with stage.pool.changed:
        assert stage.pool.changed.wait_for(lambda: stage.pool.ticks == 1, BOUND_S)
    assert stage.pool.heard_at_tick[0] >= 1


def test_what_is_due_is_done_at_its_time(stage: Stage) -> None:
    """A deadline in the past, even minus infinity, is met at once; one to come ends the wait for it."""
    stage.pool.due = float("-inf")
    stage.pool.at_due = [a.Log("INFO", "due")]
    stage.start()
    with stage.pool.changed:
        assert stage.pool.changed.wait_for(lambda: stage.pool.ticks == 1, BOUND_S)
    began = time.monotonic()
    stage.pool.rule = on(e.FromClient)
    stage.pool.due = began + 0.05
    stage.connect()
    with stage.pool.changed:
        assert stage.pool.changed.wait_for(lambda: stage.pool.ticks == 2, BOUND_S)
    assert time.monotonic() >= began + 0.05


@pytest.mark.parametrize(
    ("due", "waits_ms"), [(0.0004, 1), (0.0010, 1), (0.0, 0), (float("-inf"), 0), (1e9, 86_400_000)]
)
def test_a_wait_ends_no_sooner_than_what_is_due(due: float, waits_ms: int) -> None:
    """Rounded up to whole milliseconds: the loop would spin through the last one; and a day at most."""
    pool, waited = ScriptedPool(), list[int]()
    pool.due, pool.at_due = due, [a.Leave()]

    class Poller(zmq.Poller):
        def poll(self, timeout: Any = None) -> list[Any]:
            waited.append(timeout)
            pool.due = float("-inf")
            return []

    Loop(pool, Poller(), [], lambda level, text: None, lambda: 0.0).run()
    assert waited[0] == waits_ms


@pytest.mark.parametrize("how", ["signal", "control"])
def test_a_leaving_supervisor_lets_nobody_in_and_serves_who_is_there(stage: Stage, how: str) -> None:
    """New clients find no socket and start the next supervisor; the old ones' requests are answered to the end."""

    def rule(event: e.Event) -> list[a.Action]:
        match event:
            case e.FromClient(route, Pong()):
                return [a.ToClient(route, Ping()), a.ToClient(route, Result(id=ID))]
            case e.Shutdown() | e.FromClient(_, Control()):
                return [a.PrepareEnd(stop=True), a.Log("INFO", "told")]
        return []

    stage.start(rule)
    peer = stage.connect()
    assert answers(find().client_socket)
    if how == "signal":
        signal.raise_signal(signal.SIGTERM)
    else:
        peer.send(Control(id=ID, action="shutdown"))
    wait_until(lambda: ("INFO", "told") in stage.log, "the end")
    assert not answers(find().client_socket)
    peer.answer_pings = False
    peer.send(Pong())
    assert peer.expect(Result).id == ID


def test_a_wish_that_the_pool_has_not_granted_turns_nobody_away(stage: Stage) -> None:
    """The socket stays where it is, and new clients come in, whatever a message asks for: the pool decides."""
    stage.start(lambda event: [])
    for count, action in enumerate(("shutdown", "restart"), 1):
        stage.connect().send(Control(id=ID, action=action))
        stage.pool.wait_for(e.FromClient, 2 * count)
    stage.connect().send(Pong())
    stage.pool.wait_for(e.FromClient, 6)
    assert stage.extra.ended == []


ROUTE = b"route"
REFUSED: dict[a.Action, list[Any]] = {
    a.Spawn(NAME, 1): [e.SpawnFailed(NAME, 1, "Too many open files", transient=True)],
    a.ToWorker(NAME, 1, Bye()): [e.SendFailed(NAME, 1)],
    a.Describe("stt"): [e.Described("stt", error="Too many open files.")],
    a.ProbeCards(): [e.CardsProbed(error="Too many open files")],
    a.Relieve(("free",), NAME, 1, 0, "", ""): [e.Relieved()],
    a.ToClient(ROUTE, Ping()): [e.ClientGone(ROUTE)],
    a.Configure(b"", b""): [],
    a.ProbeStart(NAME, 1): [],
    a.Kill(NAME, 1): [],
    a.KeepPause(True): [],
}


class Refusing(Source):
    """A part to which the system refuses everything."""

    def __init__(self, error: BaseException, *kinds: type[a.Action]) -> None:
        self.error, self.kinds = error, kinds

    def actions(self) -> Mapping[type[a.Action], Perform]:
        return dict.fromkeys(self.kinds, self._refuse)

    def _refuse(self, *_: object) -> Iterator[Any]:
        raise self.error
        yield

    on_time = events = _refuse  # type: ignore[assignment]

    def observe(self, event: e.Event, now: float) -> None:
        raise self.error


def refused_loop(error: BaseException, *kinds: type[a.Action]) -> tuple[ScriptedPool, Loop, list[tuple[str, str]]]:
    """A loop that ends after its third turn."""
    pool, log = ScriptedPool(), list[tuple[str, str]]()
    pool.due = pool.next_due = 0.0

    class Poller(zmq.Poller):
        def poll(self, timeout: Any = None) -> list[Any]:
            pool.at_due = [a.Leave()] if pool.ticks == 2 else pool.at_due
            return []

    source = Refusing(error, *kinds)
    return pool, Loop(pool, Poller(), [source], lambda *line: log.append(line), lambda: 1.0), log


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), ImportError("none"), MemoryError()])
@pytest.mark.parametrize("action", REFUSED, ids=lambda action: type(action).__name__)
def test_what_the_system_refuses_is_an_event(action: a.Action, error: BaseException) -> None:
    """An action without descriptors, modules or memory fails alone: the loop goes on, and the log says so once."""
    pool, loop, log = refused_loop(error, type(action))
    pool.at_due = [action]
    loop.run()
    why = {OSError: "Too many open files", ImportError: "none", MemoryError: "MemoryError"}[type(error)]
    assert repr(pool.events) == repr(REFUSED[action] * 2).replace("Too many open files", why)
    assert log == [("error", f"the system refuses what the supervisor needs: {why}")]


@pytest.mark.parametrize("kind", [a.Configure, a.Listen, a.ReportStatus, a.ReportMemory])
def test_what_the_system_refuses_is_an_answer(kind: Any) -> None:
    """The client that asked hears the reason, and may ask again."""
    pool, loop, _ = refused_loop(OSError(24, "Too many open files"), kind)
    sent: list[a.ToClient] = []
    loop._performers[a.ToClient] = sent.append
    more = {a.Listen: ((),), a.ReportStatus: (None,)}.get(kind, ())
    pool.at_due = [kind(ROUTE, ID, *more)]
    loop.run()
    (first, _) = sent
    assert isinstance(first.message, Error)
    assert (first.route, first.message.id, first.message.code) == (ROUTE, ID, "server_busy")
    assert first.message.retry_after_ms == 1000
    assert first.message.message.startswith("The system refuses what hushd needs for this (Too many open files)")


def test_the_last_answers_arrive(stage: Stage) -> None:
    """Answers sent in the turn of the end, large ones too, are delivered before the process may exit."""

    def rule(event: e.Event) -> list[a.Action]:
        match event:
            case e.FromClient(route, Pong()):
                return [*(a.ToClient(route, Result(id=ID, payload=bytes(60_000))) for _ in range(50)), a.Leave()]
        return []

    stage.start(rule)
    peer = stage.connect()
    peer.send(Pong())
    for _ in range(50):
        peer.expect(Result)
    assert stage.ended()


def test_race_25_a_socket_that_is_no_longer_ours_is_noticed_at_a_timer(stage: Stage) -> None:
    """The runtime folder was removed: the pool gets one `Shutdown`, and the loop touches only its own files."""
    stage.start()
    peer = stage.connect()
    find().client_socket.unlink()
    find().client_socket.write_text("another's")
    stage.pool.due = 0.0
    peer.send(Pong())
    stage.pool.wait_for(e.Shutdown, 1)
    stage.pool.due = 0.0
    peer.send(Pong())
    stage.pool.wait_for(e.FromClient, 3)
    assert len(stage.pool.wait_for(e.Shutdown)) == 1
    assert find().client_socket.read_text() == "another's"


def test_a_part_is_tended_that_the_loop_does_not_know(stage: Stage) -> None:
    """Arrivals at a source, its deadlines and the consequences of an action are events; it sees them all."""
    extra, due = stage.extra, time.monotonic() + 0.05
    extra.due = due
    stage.start(
        lambda event: (
            [a.Listen(event.route, event.message.id, ())]
            if isinstance(event, e.FromClient) and isinstance(event.message, Control)
            else []
        )
    )
    assert stage.pool.wait_for(e.Visited) == [e.Visited(True)]
    assert time.monotonic() >= due
    os.write(extra.writable, b"tts")
    stage.pool.wait_for(e.Described)
    assert stage.connect().control("listen") == {"heard": True}
    assert stage.pool.wait_for(e.Described, 2) == [e.Described("tts"), e.Described("stt")]
    wait_until(lambda: extra.seen == stage.pool.events, "the last event")


def test_each_part_is_told_of_the_end(stage: Stage) -> None:
    """Each signal first tells that nobody new may come; the loop ends only when the pool says so, and then, once, it is
    told to close."""
    stage.start()
    signal.raise_signal(signal.SIGTERM)
    stage.pool.wait_for(e.Shutdown)
    wait_until(lambda: stage.extra.ended == ["stop"], "the first word of it")
    stage.pool.rule = on(e.Shutdown, a.PrepareEnd(stop=True), a.Leave())
    signal.raise_signal(signal.SIGINT)
    assert stage.ended()
    assert stage.extra.ended[-1] == "close"
    assert set(stage.extra.ended[:-1]) == {"stop", "finish"}


def test_a_module_of_another_version_ends_no_work(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor leaves as for one SIGTERM, however often it comes to such a module, and goes on until then."""

    def observe(event: e.Event, now: float) -> None:
        if isinstance(event, e.Described):
            raise Replaced

    monkeypatch.setattr(stage.extra, "observe", observe)
    stage.start()
    for count in (1, 2, 3):
        os.write(stage.extra.writable, b"stt")
        stage.pool.wait_for(e.Described, count)
        stage.pool.wait_for(e.Shutdown)
    assert len(stage.pool.of(e.Shutdown)) == 1
    assert stage.log == [("warning", "hushd was updated: leaving")]
