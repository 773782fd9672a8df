"""The connection, against supervisors that are silent, wrong, dying or slow."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import hushd.transport.connection
import pytest
import zmq
from hushd.transport.call import new_id
from hushd.transport.connection import SILENT_TICKS, Connection
from hushd.transport.source import Stream
from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import CREDIT_WINDOW, HIGH_WATER, MAGIC, PROTOCOL
from support.descriptors import open_descriptors, settled_descriptors
from support.peer import BOUND_S
from support.refusals import hushd_error
from support.scripted_router import ScriptedRouter, Start
from support.stopwatch import Stopwatch


def request(**fields: object) -> m.Request:
    return m.Request(**{"id": new_id(), "worker": "stt", "op": "transcribe", "credit": CREDIT_WINDOW} | fields)  # type: ignore[arg-type]


@pytest.fixture
def connect(runtime: object) -> Iterator[Callable[[ScriptedRouter], Connection]]:
    made: list[Connection] = []

    def connect(router: ScriptedRouter) -> Connection:
        made.append(Connection(router.path, holder="test"))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


@pytest.mark.parametrize(("arguments", "holder", "name"), [
    (["/usr/bin/say", "--", "secret"], "cli", "say"),
    (["/x/hushd", "load", "tts"], "cli", "hushd load"),
    (["/x/hushd/__main__.py", "top"], "cli", "hushd top"),
    (["/home/a/notes.py", "secret"], None, "notes.py"),
    (["-c"], None, "python"),
    (["/usr/bin/x"], "claude", "claude"),
])  # fmt: skip
def test_a_program_says_its_name(
    arguments: list[str], holder: str | None, name: str, start_router: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is its holder's, an agent's or a service's; without one it is as it was started, without its further
    words."""
    monkeypatch.setattr("sys.argv", arguments)
    supervisor = start_router()
    Connection(supervisor.path, holder=holder).close()
    assert [each.program for each in supervisor.of(m.Hello)] == [name]


def answer(*messages: Callable[[bytes], m.Message]) -> Callable[[ScriptedRouter, bytes, m.Message], None]:
    def script(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
        if isinstance(message, m.Request | m.Control):
            router.send(route, *(make(message.id) for make in messages))

    return script


def result(request_id: bytes) -> m.Result:
    return m.Result(id=request_id, data={"n": 1})


# --- hello ------------------------------------------------------------------------------------------------------------


def test_hello_then_welcome_then_requests(start_router: Start, connect: Callable[..., Connection]) -> None:
    """The hello says protocol, version, holder and pid; a request goes out only after the welcome."""
    router = start_router(answer(result))
    connection = connect(router)
    assert connection.start(request()).result().data == {"n": 1}
    hello, asked = router.heard[:2]
    assert isinstance(hello, m.Hello)
    assert (hello.protocol, hello.holder, hello.pid) == (PROTOCOL, "test", os.getpid())
    assert isinstance(asked, m.Request)
    assert connection.supervisor is not None
    assert connection.usable


def test_silence_is_given_up_after_a_second(start_router: Start) -> None:
    """A supervisor that says no welcome is `supervisor_lost` within about a second, not for ever."""
    router = start_router(silent=True)
    started = Stopwatch()
    with hushd_error("supervisor_lost"):
        Connection(router.path)
    assert time.monotonic() - started > 0.9
    assert started.calm < 2.5


def test_nobody_there_is_noticed_at_once(runtime: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The connection fails in milliseconds without a listener, with no second of silence."""
    started = Stopwatch()
    with hushd_error("supervisor_lost"):
        Connection(f"{runtime}/client.sock")
    assert started.calm < 0.5


def test_another_protocol_is_named_with_both_versions(start_router: Start) -> None:
    """A welcome of hushd/2 is version_mismatch, and the sentence says what to do."""
    router = start_router(welcome=m.Welcome(protocol=2, version="9.9.9", pid=17))
    with hushd_error("version_mismatch", r"hushd/2 \(version 9\.9\.9\).*hushd/1.*kill 17"):
        Connection(router.path)


@pytest.mark.parametrize(
    "frames", [(b"", b"", b""), (b"HTTP/1.1 200 OK",), (MAGIC, b"\xc1", b""), (MAGIC, b"\x80" * 9, b"", b"more")]
)
def test_garbage_is_a_protocol_error(
    frames: tuple[bytes, ...], start_router: Start, connect: Callable[..., Connection]
) -> None:
    """Whatever else answers on the socket, the calls under way end with one sentence."""
    router = start_router(lambda router, route, message: router.send_frames(route, *frames))
    call = connect(router).start(request())
    with hushd_error("protocol_error", "not hushd/1"):
        call.result()


# --- loss -------------------------------------------------------------------------------------------------------------


def test_death_in_the_middle_is_noticed_at_once(start_router: Start, connect: Callable[..., Connection]) -> None:
    """All calls under way, also ones that upload, fail with supervisor_lost as soon as the supervisor is gone."""
    router = start_router(answer(lambda i: m.Accepted(id=i, state="running")))
    connection = connect(router)
    calls = [connection.start(request(input="stream")) for _ in range(3)]
    calls[0].send_input(Stream(iter(lambda: b"x" * 100, None)))
    router.wait_for(m.Request, 3)
    started = Stopwatch()
    router.die()
    for call in calls:
        with hushd_error("supervisor_lost"):
            call.result()
    assert started.calm < 1
    assert connection.wait_lost(0)
    with pytest.raises(HushdError, match="went away"):
        connection.start(request())


def test_what_was_sent_before_death_arrives(start_router: Start, connect: Callable[..., Connection]) -> None:
    """A result that was sent just before the end is a result, and no loss (race 23)."""
    for _ in range(20):

        def script(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
            pieces = [m.Partial(id=message.id, seq=n, data={"n": n}) for n in range(50)]  # type: ignore[attr-defined]
            router.send(route, *pieces, result(message.id))  # type: ignore[attr-defined]

        router = start_router(script)
        call = connect(router).start(request())
        *partials, last = call
        router.die()
        assert [message.data["n"] for message in partials] == list(range(50))  # type: ignore[attr-defined]
        assert isinstance(last, m.Result)


def test_a_supervisor_that_stops_answering_is_given_up(
    start_router: Start, connect: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call ends without a ping for some ticks; an idle connection waits for nothing and lives on."""
    monkeypatch.setattr(hushd.transport.connection, "PING_INTERVAL_S", 0.02)
    connection = connect(start_router())
    assert not connection.wait_lost(0.3)
    with pytest.raises(HushdError, match="stopped answering"):
        connection.start(request()).result()


def test_a_connection_that_was_given_up_finds_out(
    start_router: Start, connect: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that hears nothing says that it lives, and learns that it was given up: its calls may be made anew."""
    monkeypatch.setattr(hushd.transport.connection, "PING_INTERVAL_S", 0.02)

    def script(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
        if isinstance(message, m.Pong):
            router.send(route, m.Error(id=b"", code="slow_consumer", message="It was given up."))

    with hushd_error("supervisor_lost", "It was given up"):
        connect(start_router(script)).start(request()).result()


@pytest.mark.parametrize(("works", "looks"), [([True] * 5 + [False], 6), ([True] * 100, 27), ([True, False], 2)])
def test_a_silent_supervisor_is_waited_for_while_it_works(
    start_router: Start,
    connect: Callable[..., Connection],
    monkeypatch: pytest.MonkeyPatch,
    works: list[bool],
    looks: int,
) -> None:
    """It may take long beside busy programs: it is given up when it does nothing any more, or after a minute."""
    asked: list[int] = []

    class Scripted:
        def __init__(self, pid: int) -> None:
            asked.append(pid)

        def works(self) -> bool:
            asked.append(0)
            return works.pop(0)

    monkeypatch.setattr(hushd.transport.connection, "Liveness", Scripted)
    monkeypatch.setattr(hushd.transport.connection, "PING_INTERVAL_S", 0.01)
    connection = connect(start_router())
    with pytest.raises(HushdError, match="stopped answering"):
        connection.start(request()).result()
    assert asked == [os.getpid(), *[0] * looks]


def test_a_message_makes_good_for_each_silence_before_it(
    start_router: Start, connect: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long call is not given up for silences that add up: each has ended with a message."""
    tick_ms, silences = 1234, 3 * SILENT_TICKS

    class Scripted:
        def __init__(self, pid: int) -> None:
            pass

        def works(self) -> bool:
            return False

    class Poller(zmq.Poller):
        """Finds at every second look, while a call lasts, that a tick has passed without a message."""

        silent = False

        def poll(self, timeout: float | None = None) -> list[tuple[Any, int]]:
            if timeout != tick_ms:
                return super().poll(timeout)
            self.silent = not self.silent
            return [] if self.silent else super().poll(BOUND_S * 1000)

    monkeypatch.setattr(hushd.transport.connection, "Liveness", Scripted)
    monkeypatch.setattr(hushd.transport.connection, "PING_INTERVAL_S", tick_ms / 1000)
    monkeypatch.setattr(zmq, "Poller", Poller)
    asked: list[bytes] = []
    pongs: list[m.Message] = []

    def script(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
        if isinstance(message, m.Request):
            asked.append(message.id)
        elif isinstance(message, m.Pong):  # of a client that has heard nothing
            pongs.append(message)
            done = len(pongs) >= silences
            router.send(route, result(asked[0]) if done else m.Accepted(id=asked[0], state="queued"))

    assert connect(start_router(script)).start(request()).result().data == {"n": 1}


# --- answers ----------------------------------------------------------------------------------------------------------


def test_a_full_queue_is_waited_for(
    start_router: Start, connect: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More requests at once than sockets hold, while the supervisor has no time to read: each is sent and answered."""
    monkeypatch.setattr(
        hushd.transport.connection, "PING_INTERVAL_S", 3600
    )  # nor to answer pings, which is another claim
    reads = threading.Event()

    def script(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
        assert reads.wait(60)
        if isinstance(message, m.Request):
            router.send(route, m.Result(id=message.id, data={"name": message.op}))

    connection = connect(start_router(script))
    calls = [connection.start(request(op=f"op {number}")) for number in range(10 * HIGH_WATER)]
    reads.set()
    assert [call.result().data["name"] for call in calls] == [f"op {number}" for number in range(len(calls))]


# --- input ------------------------------------------------------------------------------------------------------------


# --- leaving ----------------------------------------------------------------------------------------------------------


def test_a_cancelled_call_is_over_for_its_reader(start_router: Start, connect: Callable[..., Connection]) -> None:
    """`cancel` tells the supervisor once, wakes whoever waits, and later messages of that call go nowhere."""
    router = start_router(answer(lambda i: m.Accepted(id=i, state="queued")))
    connection = connect(router)
    call = connection.start(request())
    assert isinstance(call.get(), m.Accepted)
    outcome: list[BaseException] = []

    def read() -> None:
        try:
            call.get()
        except HushdError as error:
            outcome.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    call.cancel()
    call.cancel()
    reader.join(60)
    assert [error.code for error in outcome if isinstance(error, HushdError)] == ["cancelled"]
    router.wait_for(m.Cancel)
    router.script = answer(result)
    assert connection.start(request()).result().data == {"n": 1}
    assert len(router.of(m.Cancel)) == 1
    assert call.id not in connection._calls


def test_closing_sends_the_last_cancel_and_leaves_nothing(start_router: Start) -> None:
    """`close` ends calls as cancelled, gets the cancel out, and frees thread and descriptors; twice is harmless."""
    router = start_router()
    before, descriptors = threading.active_count(), settled_descriptors()
    connection = Connection(router.path)
    call, waiting = connection.start(request()), connection.start(request())
    call.cancel()
    connection.close()
    connection.close()
    with hushd_error("cancelled"):
        waiting.result()
    assert [message.id for message in router.wait_for(m.Cancel)] == [call.id]
    assert threading.active_count() <= before
    assert len(open_descriptors()) <= len(descriptors) + 1  # the router's end closes in its own time
