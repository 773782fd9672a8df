"""Calls that are sent again, as procedures: each step's outcome is given by hand, in every order and at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hushd import HushdError
from hushd.transport.call import Call
from hushd.transport.connection import Connection
from hushd.transport.retry import GONE, RETRY_WINDOW_S, Attempts, RetryingCall, with_connection
from hushd.transport.source import Inline, Input, Stream
from hushd.transport.steps import Connect, Receive, Step, Steps, run
from hushd_protocol.limits import MAX_PAYLOAD
from hushd_protocol.messages import Accepted, Cancel, Chunk, Message, Partial, Request, Result
from msgspec.structs import replace

ASKED = Request(id=b"1" * 16, worker="stt/echo/a", op="transcribe")
SPEECH = Request(id=b"1" * 16, worker="tts/echo/a", op="synthesize")
LARGE = b"x" * (MAX_PAYLOAD + 1)  # sent as a stream


class Calls(Call):
    """A call whose messages are given by hand; it notes what it was given to send."""

    made: list[Calls]

    def __init__(self, message: Any, post: Callable[[Message], None]) -> None:
        super().__init__(message, post)
        self.request = message
        self.inputs: list[Input] = []
        self.made.append(self)

    def send_input(self, source: Input) -> None:
        self.inputs.append(source)


@dataclass
class World:
    """A connection that is lost with every call for which `losses` says so, and all that was sent on it.

    Attributes:
        losses: errors that sending raises, one a call; None: it is sent.
        lost: whether the connection is lost, which then takes no message.
        sent, posted: requests, and other messages such as `Cancel`.
        calls, carried: every attempt made, and those that were sent; the last is the one under way.
        now: seconds.
    """

    losses: list[HushdError | None] = field(default_factory=list)
    lost: bool = False
    borrowed: bool = False
    path: str = "/run/hushd/client.sock"
    sent: list[Request] = field(default_factory=list)
    posted: list[Message] = field(default_factory=list)
    calls: list[Calls] = field(default_factory=list)
    carried: list[Calls] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        made = self.calls
        self.kind = type("KindOfCall", (Calls,), {"made": made})

    def current(self) -> Connection:
        return cast("Connection", self)

    def connect(self, needed: Callable[[], bool] = lambda: True) -> Connection:
        return self.current()

    def post(self, message: Message) -> None:
        if not self.lost:
            self.posted.append(message)

    def carry(self, call: Calls, request: Request) -> None:
        loss = self.losses.pop(0) if self.losses else None
        self.lost = loss is not None
        if loss:
            raise loss
        self.sent.append(request)
        self.carried.append(call)

    def call(self, request: Request = ASKED, source: Input | None = None, **options: Any) -> RetryingCall:
        return RetryingCall(self, self.kind, request, source, **options)

    def clock(self) -> float:
        return self.now


class Driver:
    """Runs a procedure step by step: `step` is the one that waits, `end` what the procedure has come to."""

    def __init__(self, steps: Steps[Any]) -> None:
        self.steps = steps
        self.step: Step | None = None
        self.end: Any = None
        self._on(lambda: next(steps))

    def send(self, outcome: Any) -> None:
        self._on(lambda: self.steps.send(outcome))

    def throw(self, error: BaseException) -> None:
        self._on(lambda: self.steps.throw(error))

    def _on(self, move: Callable[[], Step]) -> None:
        self.step = None
        try:
            self.step = move()
        except StopIteration as end:
            self.end = end.value
        except BaseException as error:
            self.end = error


def lost(code: str = "supervisor_lost", **detail: Any) -> HushdError:
    return HushdError(code, "It went away.", detail=detail)


def chunk(seq: int = 0) -> Chunk:
    return Chunk(id=b"", seq=seq, rate=24000, channels=1, payload=b"\0\0")


def segment(end: float) -> Partial:
    return Partial(id=b"", seq=0, data={"kind": "segment", "end": end, "text": "Good"})


# --- connections ------------------------------------------------------------------------------------------------------


def use_after(losses: int, world: World) -> Callable[[Connection], Steps[int]]:
    """A use that meets so many supervisors that leave, each after a second, and returns how many it has met."""
    met = 0

    def use(connection: Connection) -> Steps[int]:
        nonlocal met
        met += 1
        world.now += 1
        if met <= losses:
            raise lost(GONE[met % len(GONE)])
        yield from ()
        return met

    return use


@pytest.mark.parametrize("losses", range(9))
def test_supervisors_in_a_row_may_go_away_for_a_while(losses: int) -> None:
    """The one that stays answers; `RETRY_WINDOW_S` after the first loss one more is asked, and its loss is raised."""
    world = World()
    steps = with_connection(world, use_after(losses, world), clock=world.clock)
    if losses <= RETRY_WINDOW_S + 1:
        assert run(steps) == losses + 1
    else:
        with pytest.raises(HushdError, match="It went away"):
            run(steps)
        assert world.now == RETRY_WINDOW_S + 2


def test_a_borrowed_supervisor_is_used_and_not_changed() -> None:
    """It is refused for what changes it, with the folder by which it can be."""
    world = World(borrowed=True)
    run(world.call().begin())
    with pytest.raises(HushdError, match="HUSHD_RUNTIME_DIR=/run/hushd"):
        run(world.call(own_only=True).begin())
    assert len(world.sent) == 1


# --- one call, every move ---------------------------------------------------------------------------------------------

# Received while the caller has nothing yet.
FIRST_MOVES: dict[str, tuple[Request, bytes | None, Message | BaseException, object, int, int]] = {
    # name: request, input, outcome; then what the caller gets or the next step, requests sent, cancels
    "audio": (SPEECH, None, chunk(), Chunk, 1, 0),
    "a segment": (ASKED, None, segment(1.0), Partial, 1, 0),
    "the result": (ASKED, None, Result(id=b""), Result, 1, 0),
    "the result, received by another task": (ASKED, None, EOFError(), None, 1, 0),
    "a refusal": (ASKED, None, lost("bad_request"), "bad_request", 1, 0),
    "a lost supervisor": (SPEECH, None, lost(), Receive, 2, 0),
    "one that leaves": (SPEECH, None, lost("shutting_down"), Receive, 2, 0),
    "a worker that was stopped": (SPEECH, None, lost("worker_stopped"), Receive, 2, 0),
    "a crash of what the supervisor repeats itself": (SPEECH, b"x", lost("worker_crashed"), "worker_crashed", 1, 0),
    "a crash under a stream": (SPEECH, LARGE, lost("worker_crashed"), Receive, 2, 0),
    "a model that is missing": (ASKED, None, lost("model_missing", pull=True, model="e/m"), "e/m", 1, 0),
    "one that nobody pulls": (ASKED, None, lost("model_missing", model="e/m"), "model_missing", 1, 0),
    "Ctrl-C": (ASKED, None, KeyboardInterrupt(), KeyboardInterrupt, 1, 1),
    "the end of the task": (ASKED, None, GeneratorExit(), GeneratorExit, 1, 1),
    "a fault of ours": (ASKED, None, ZeroDivisionError(), ZeroDivisionError, 1, 1),
}


@pytest.mark.parametrize("name", FIRST_MOVES)
def test_every_first_move(name: str) -> None:
    """The first outcome goes to the caller, or the request is sent again, or the supervisor is told that nobody waits.

    A call that has ended says so ever after, and closing it tells nobody.
    """
    request, data, outcome, then, requests, cancels = FIRST_MOVES[name]
    world = World()

    def pull(model: str) -> Steps[object]:
        yield cast("Step", model)
        return None

    call = world.call(request, None if data is None else Inline(data), pull=pull)
    run(call.begin())
    driver = Driver(call.receive())
    assert driver.step == Receive(world.calls[0])
    if isinstance(outcome, BaseException):
        driver.throw(outcome)
    else:
        driver.send(outcome)
    if isinstance(driver.step, Connect):
        driver.send(world)
    if then is Receive:
        assert driver.step == Receive(world.calls[-1])
        assert world.calls[-1].inputs == world.calls[0].inputs
    elif name == "a model that is missing":
        assert driver.step == then
    elif isinstance(then, str):
        assert isinstance(driver.end, HushdError)
        assert driver.end.code == then
    else:
        assert driver.end is None if then is None else isinstance(driver.end, cast("type[object]", then))
    assert (len(world.sent), len(world.posted)) == (requests, cancels)
    ended = driver.step is None and then not in (Chunk, Partial, None)
    if ended:
        call.close()
        assert run(call.receive()) is None
    else:
        call.close()
        cancels += 1
    assert [type(message) for message in world.posted] == [Cancel] * cancels
    if cancels:
        assert cast("Cancel", world.posted[-1]).id == world.sent[-1].id


def test_a_missing_model_is_pulled_before_it_is_sent_again() -> None:
    """A pull that fails, or is interrupted, ends the call with its own error."""
    for failure in (None, lost("download_failed"), KeyboardInterrupt()):
        world = World()
        pulled: list[str] = []

        def pull(model: str, pulled: list[str] = pulled) -> Steps[object]:
            pulled.append(model)
            return (yield cast("Step", "download"))

        call = world.call(pull=pull)
        run(call.begin())
        driver = Driver(call.receive())
        driver.throw(lost("model_missing", pull=True, model="e/m"))
        assert (driver.step, pulled, len(world.sent)) == ("download", ["e/m"], 1)
        if failure is None:
            driver.send(None)
            assert isinstance(driver.step, Connect)
        else:
            driver.throw(failure)
            assert driver.end is failure
            assert run(call.receive()) is None


@pytest.mark.parametrize("code", ["engine_missing", "model_missing", "bad_request", "server_busy"])
def test_what_is_missing_is_told(code: str) -> None:
    """So that its client asks anew which engines, models and voices there are; another failure says nothing of that."""
    world, told = World(), list[str]()
    call = world.call(on_missing=lambda: told.append(code))
    run(call.begin())
    driver = Driver(call.receive())
    driver.throw(lost(code))
    assert isinstance(driver.end, HushdError)
    assert told == ([] if code == "server_busy" else [code])


@pytest.mark.parametrize("known", [True, False])
def test_a_text_in_another_language_is_sent_again_for_its_voice(known: bool) -> None:
    """The caller's procedure finds one; without that the error is the answer."""

    def voiced(language: str, request: Request) -> Steps[Request]:
        yield cast("Step", f"a voice for {language}")
        return replace(request, params={"voice": "siwis"})

    world = World()
    call = world.call(replace(SPEECH, params={"languages": ["en"]}), voiced=voiced if known else None)
    run(call.begin())
    driver = Driver(call.receive())
    driver.throw(refused := lost("other_language", language="fr"))
    if known:
        assert (driver.step, len(world.sent)) == ("a voice for fr", 1)
        driver.send(None)
        driver.send(world)
        assert driver.step == Receive(world.calls[-1])
        assert world.sent[-1].params == {"voice": "siwis"}
    else:
        assert (driver.end, len(world.sent)) == (refused, 1)


@pytest.mark.parametrize("end", [1.0, 2.0])
def test_a_repeated_answer_is_left_out_or_ends_the_call(end: float) -> None:
    """One that differs is cancelled, for the failure after which it was asked for."""
    world = World()
    call = world.call(replace(ASKED, params={"diarize": True}))
    run(call.begin())
    driver = Driver(call.receive())
    driver.send(segment(1.0))
    assert driver.end == segment(1.0)
    driver = Driver(call.receive())
    driver.throw(failure := lost())
    driver.send(world)
    driver.send(segment(end))
    if end == 1.0:
        assert driver.step == Receive(world.calls[-1])
        driver.send(Result(id=b""))
        assert (driver.end, world.posted) == (Result(id=b""), [])
    else:
        assert (driver.end, world.posted) == (failure, [Cancel(id=world.sent[-1].id)])
    assert run(call.receive()) is None


def test_an_answer_that_is_repeated_whole_survives_one_more_supervisor() -> None:
    """It may leave once its worker has died: the next one has not heard of that. A third failure is the caller's."""
    attempts = Attempts(replace(ASKED, op="transcribe", params={"diarize": True}), None, False)
    assert attempts.is_new(segment(1.0))
    assert attempts.again(lost("worker_stopped"))
    assert [attempts.again(lost()) for _ in range(2)] == [True, False]


def test_a_caller_hears_what_its_request_waits_for() -> None:
    """Each time, and that it runs or has its result: a preload waits to its end."""
    told: list[str] = []
    world = World()
    call = world.call(on_wait=told.append)
    run(call.begin())
    for message in (
        Accepted(id=b"", state="starting", note="loading"),
        Accepted(id=b"", state="running"),
        segment(1.0),
        Accepted(id=b"", state="starting", note="loading again"),
        Result(id=b""),
    ):
        driver = Driver(call.receive())
        driver.send(message)
        assert driver.end == message
    assert told == ["loading", "", "loading again", ""]


@pytest.mark.parametrize("closed", ["before", "while it connects", "after", "with the call"])
def test_a_call_may_be_closed_at_any_time(closed: str) -> None:
    """A request that was sent is cancelled, once; one that is sent after that at once; and no input follows."""
    world = World()
    call = world.call(ASKED, Inline(LARGE))
    if closed == "before":
        call.close()
    driver = Driver(call.begin())
    if closed == "while it connects":
        call.close()
    driver.send(world)
    if closed == "after":
        call.close()
    del call, driver
    assert [type(message) for message in world.posted] == [Cancel]
    assert len(world.calls[0].inputs) == (closed not in ("before", "while it connects"))


# --- at random --------------------------------------------------------------------------------------------------------

ENDS = ("supervisor_lost", "shutting_down", "worker_stopped", "worker_crashed", "slow_consumer", "bad_request")


def test_random_lives_of_a_call() -> None:
    """However supervisors, workers and callers come and go: speech at most once, one request at a time, one end."""
    for seed in range(3000):
        dice = random.Random(seed)
        try:
            live(dice)
        except BaseException as error:
            raise AssertionError(f"seed {seed}") from error


def live(dice: random.Random) -> None:
    world = World(losses=[dice.choice((None, lost(dice.choice(GONE)))) for _ in range(dice.randrange(6))])
    speaks = dice.random() < 0.5
    source = dice.choice((None, Inline(b"x"), Inline(LARGE), Stream(iter([b"x"]))))
    call = world.call(SPEECH if speaks else ASKED, source)
    world.losses.append(None)
    received: list[Message] = []
    heard = 0  # requests that were sent before the caller had the first audio
    steps: Steps[Any] = call.begin()
    for _ in range(60):
        driver = Driver(steps)
        while driver.step is not None:
            check(world)
            move(driver, world, call, dice, len(received))
        if isinstance(driver.end, BaseException):
            break
        if isinstance(driver.end, Message):
            received.append(driver.end)
            heard = heard or (len(world.sent) if isinstance(driver.end, Chunk) else 0)
        elif steps.gi_code is RetryingCall.receive.__code__:
            break
        steps = call.receive()
    assert not heard or heard == len(world.sent), "speech that was heard is never sent again"
    assert sum(isinstance(message, Result) for message in received) <= 1
    call.close()
    assert run(call.receive()) is None
    check(world)
    assert not world.carried or world.carried[-1].ended


def move(driver: Driver, world: World, call: RetryingCall, dice: random.Random, count: int) -> None:
    """One outcome of the step that waits."""
    roll = dice.random()
    if roll < 0.03:
        driver.throw(KeyboardInterrupt())
    elif roll < 0.06:
        call.close()
    elif isinstance(driver.step, Connect):
        driver.send(world)
    elif (last := world.calls[-1]).ended:  # it was closed: what a call says then
        driver.throw(lost("cancelled"))
    elif roll < 0.45:
        error = lost(dice.choice(ENDS))
        last.end(error)
        driver.throw(error)
    elif roll < 0.55:
        last.end()
        driver.send(Result(id=b""))
    else:
        driver.send(chunk() if last.request.op == "synthesize" else segment(float(count)))


def check(world: World) -> None:
    """Checks at every step that only the last attempt is under way, and none was cancelled twice, or unsent."""
    assert all(attempt.ended for attempt in world.carried[:-1])
    cancels = [message.id for message in world.posted if isinstance(message, Cancel)]
    assert len(cancels) <= 1
    assert set(cancels) <= {request.id for request in world.sent}
