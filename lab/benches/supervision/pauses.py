"""Measures programs that pause, read slowly or request everything: another program's waits beside each."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

import zmq
from hushd import Client
from hushd.transport.call import new_id
from hushd_protocol import messages as m
from hushd_protocol.codec import Decoder
from hushd_protocol.errors import HushdError
from hushd_protocol.framing import pack, unpack
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.system import paths

from ..stage import BIN, SENTENCE, Row, supervisor

CASE_S = 20.0  # beside each kind of neighbour; a request that is never answered counts with what is left of it
LAST_S = 5.0  # for the last request at least
EVERY_S = 0.1  # between two short requests
TAKES_S = 0.05  # of each job of the flooded worker
GRANT_S = 10.0  # between two chunks of a slow reader
ECHO = Path(__file__).parents[3] / "tests" / "support" / "echo_worker.py"
CONFIG = (
    f'[worker."stt/echo"]\ncommand = ["{sys.executable}", "{ECHO}", "--takes", "{TAKES_S}"]\nmax_replicas = 1\n'
    "[worker.tts]\nmax_replicas = 1\n"
)
Ask = Callable[[Client], object]


def pauses(_: Namespace) -> Iterator[Row]:
    """Another program's short request beside paused pipes, streams that never come, slow readers and full queues."""
    cases: tuple[tuple[str, float, Ask, Callable[[], AbstractContextManager[None]]], ...] = (
        ("nobody", 50, _speak, nullcontext),
        ("three `say -o` that pause", 50, _speak, lambda: _pipes(3, "One sentence. ")),
        ("two streams that never come", 50, _speak, lambda: _pipes(2, "")),
        ("six readers, a chunk in 10 s", 250, _speak, lambda: _slow_readers(6)),
        ("230 `progress` on own workers", 50 + 1000 * TAKES_S, _hear_important, lambda: _crowd(230, 8)),
        ("60 `progress` on the same worker", 250, _hear, lambda: _crowd(60, 1)),
    )
    alone = None
    for name, goal, ask, beside in cases:
        with supervisor(CONFIG):
            row = _row(name, goal, ask, beside())
        alone = alone or row.value
        row.floor = alone if ask is _speak else None
        yield row


def _row(name: str, goal: float, ask: Ask, beside: AbstractContextManager[None]) -> Row:
    """Asks again and again, one request after the other, beside a kind of neighbour."""
    times: list[float] = []
    refused = unanswered = 0
    with Client() as client:
        ask(client)  # the worker runs
        with beside:
            time.sleep(2)  # the neighbours have begun
            end = time.monotonic() + CASE_S
            while time.monotonic() < end:
                began = time.perf_counter()
                try:
                    _start(ask, client).result(max(LAST_S, end - time.monotonic()))
                except TimeoutError:
                    unanswered += 1
                except HushdError as error:
                    if error.code != "overloaded":
                        raise
                    refused += 1
                else:
                    times.append((time.perf_counter() - began) * 1000)
                time.sleep(EVERY_S)
    times.sort()
    p99 = times[int(len(times) * 0.99)] if times else None
    p50 = f"p50 {times[len(times) // 2]:.0f}, " if times else ""
    note = f"{p50}{len(times)} answered, {refused} overloaded, {unanswered} waited until the end"
    good = p99 is not None and p99 <= goal and not refused and not unanswered
    return Row(f"pauses: {name}, p99", p99, "ms", f"<= {goal:.0f}", ok=good, note=note)


def _start(ask: Ask, client: Client) -> Future[object]:
    future: Future[object] = Future()

    def work() -> None:
        try:
            future.set_result(ask(client))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def _speak(client: Client) -> None:
    for _ in client.synthesize("Yes."):
        pass


def _hear(client: Client, model: str = "0", priority: str = "text") -> None:
    for _ in client.transcribe(b"sound", engine="echo", model=model, priority=priority):
        pass


def _hear_important(client: Client) -> None:
    _hear(client, "ready", "important")


# --- neighbours ------------------------------------------------------------------------------------------------------


@contextmanager
def _pipes(count: int, text: str) -> Iterator[None]:
    """So many `agent | say -o FILE`, whose agent writes `text` and then thinks."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hushd-"))
        for number in range(count):
            command = [BIN / "say", "-o", str(Path(folder) / f"{number}.wav")]
            pipe = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL))
            stack.callback(pipe.kill)
            assert pipe.stdin is not None
            pipe.stdin.write(text.encode())
            pipe.stdin.flush()
        yield


@contextmanager
def _slow_readers(count: int) -> Iterator[None]:
    """Clients of a long speech that take a chunk now and then."""
    payload = (f"{SENTENCE} " * 400).encode()
    messages = [m.Request(id=new_id(), worker="tts", op="synthesize", payload=payload, credit=1) for _ in range(count)]
    due = [time.monotonic() + GRANT_S * (1 + number / count) for number in range(count)]

    def serve(number: int, send: Callable[[m.Message], None], answer: m.Message | None) -> None:
        if time.monotonic() >= due[number]:
            due[number] += GRANT_S
            send(m.Credit(id=messages[number].id, chunks=1))

    with _clients([[message] for message in messages], serve):
        yield


@contextmanager
def _crowd(count: int, workers: int) -> Iterator[None]:
    """One connection with so many requests at a time: each that ends is asked again, half a second after a refusal."""

    def request(number: int) -> m.Request:
        name = f"stt/echo/{number % workers}"
        return m.Request(id=new_id(), worker=name, op="transcribe", payload=b"x", credit=8, priority="progress")

    again: list[float] = []

    def serve(_: int, send: Callable[[m.Message], None], answer: m.Message | None) -> None:
        if isinstance(answer, m.Result | m.Error):
            again.append(time.monotonic() + 0.5 * isinstance(answer, m.Error))
        for when in [when for when in again if when <= time.monotonic()]:
            again.remove(when)
            send(request(len(again)))

    with _clients([[request(number) for number in range(count)]], serve):
        yield


Serve = Callable[[int, Callable[[m.Message], None], m.Message | None], None]


@contextmanager
def _clients(first: list[list[m.Message]], serve: Serve) -> Iterator[None]:
    """Connections that begin with these messages; `serve` gets each answer, and None now and then."""
    over = threading.Event()

    def work() -> None:
        context, decoder = zmq.Context(), Decoder(m.TO_CLIENT)
        sockets = [context.socket(zmq.DEALER) for _ in first]
        for socket, messages in zip(sockets, first, strict=True):
            socket.connect(f"ipc://{paths.find().client_socket}")
            for message in (m.Hello(protocol=PROTOCOL, version="bench"), *messages):
                socket.send_multipart(pack(message))
        while not over.is_set():
            for number, socket in enumerate(sockets):

                def send(message: m.Message, socket: zmq.Socket[bytes] = socket) -> None:
                    socket.send_multipart(pack(message))

                serve(number, send, None)
                while socket.poll(5):
                    answer = unpack(socket.recv_multipart(), decoder)
                    if isinstance(answer, m.Ping):
                        send(m.Pong())
                    serve(number, send, answer)
        context.destroy(linger=0)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
