"""The part of a worker that is the same for every engine: connect, load, run jobs, send heartbeats, leave.

The main thread owns the socket and never runs engine code; jobs run on `slots + sessions` threads of their own, and
the load on the first of these, since some engines are bound to the thread that loaded them. Jobs that were set aside
while they waited for their clients keep their threads, and further ones are started for those that come meanwhile. Job
threads send through a queue and a wake-up pipe, because a ZeroMQ socket belongs to one thread.
"""

from __future__ import annotations

import contextlib
import gc
import math
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import zmq
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder
from hushd_protocol.errors import HushdError
from hushd_protocol.framing import pack, unpack
from hushd_protocol.limits import HIGH_WATER, MAX_WIRE, PROTOCOL
from hushd_protocol.messages import (
    TO_WORKER,
    Beat,
    Bye,
    Cancel,
    Chunk,
    Credit,
    Drain,
    Error,
    LoadFailed,
    Loading,
    Message,
    Ready,
    Result,
    WorkerHello,
)
from hushd_protocol.messages import Job as JobMessage
from hushd_protocol.system import lifeline, log_lines
from hushd_protocol.system.footprint import rss, trim
from hushd_protocol.system.trace import mark

from hushd_worker.usage import cpu, pss, short_of_memory

from .job import Cancelled, Job
from .job_error import EXIT_CRASHED, End, answer, failure, fatal

BEAT_S = 2.0  # while a job runs; the supervisor kills the worker when three are missing
LOADING_S = 5.0  # while the load uses CPU time
GROWTH = 8_000_000  # bytes by which memory must have grown at a job's end for a beat of its own
SETTLE_S = 0.1  # of rest before memory is trimmed and measured, so that the next request need not wait for it
GOODBYE_S = 1.0  # to wait for the supervisor's `bye`; an exit right after a send lost 41 to 59 of 60 results
EXIT_LOAD_FAILED = 78  # EX_CONFIG: reported by `load_failed`, so not a crash


class Engine(Protocol):
    """The work of a worker.

    Attributes:
        slots: how many calls of `run` may be under way at once.
        sessions: how many more, for live sessions (see `messages.Request.session`); optional, and if it is missing or
            0, a session takes a slot.
        aside: how many jobs that wait for their clients, or have waited, may be under way beside these (see
            `messages.Ready.aside`); optional, and if it is missing or 0, each keeps its slot. Such an engine has its
            jobs take turns by itself.
    """

    slots: int

    def load(self, report: Callable[[str], None]) -> dict[str, Any]:
        """Imports and loads everything heavy; returns the capabilities for `ready`.

        Args:
            report: takes a note on what is being loaded, and re-arms the start timer.

        Raises:
            HushdError: `engine_missing` or `model_missing`, when trying again is useless.
        """

    def run(self, job: Job) -> dict[str, Any]:
        """Does one job, sending pieces through it; returns the data of the `result`.

        Raises:
            HushdError: reported to the client.
        """


def serve(engine: Engine) -> NoReturn:
    """Runs `engine` as a worker of the supervisor that started this process, until the supervisor ends it."""
    endpoint, token = os.environ.pop("HUSHD_WORKER_SOCKET", ""), os.environ.pop("HUSHD_WORKER_TOKEN", "")
    descriptor, supervisor = os.environ.pop("HUSHD_LIFELINE", ""), os.environ.pop("HUSHD_SUPERVISOR", "")
    if not (endpoint and token and descriptor and supervisor):
        raise SystemExit("hushd's workers are started by its supervisor: use `hushd preload` instead.")
    lifeline.arm(int(descriptor), int(supervisor))
    os.set_inheritable(int(descriptor), False)
    os.environ.setdefault(
        "CUDA_MODULE_LOADING", "LAZY"
    )  # the default since CUDA 12.2: kernels are loaded when first used
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the client, which sends `cancel`
    os.dup2(2, 1)  # whatever an engine prints goes to the log,
    # without a buffer, which `os._exit` would not write out.
    sys.stdout = sys.stderr = log_lines.LogStream(2, os.environ.pop(log_lines.FORMAT, ""))
    try:
        status = _Harness(engine, endpoint, token).run()
    except BaseException:  # out of memory or descriptors: the supervisor starts another worker
        traceback.print_exc()
        status = EXIT_CRASHED
    sys.stderr.flush()
    os._exit(status)  # native destructors hang or crash at interpreter exit


class _Harness:
    def __init__(self, engine: Engine, endpoint: str, token: str) -> None:
        self._engine = engine
        self._token = token
        self._decoder = Decoder(TO_WORKER)
        self._jobs: dict[bytes, Job] = {}
        self._todo: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._staffing = threading.Lock()
        self._threads = self._base = 1  # job threads there are, and those that stay
        self._aside = 0  # further ones that there may be
        self._outbox: deque[tuple[Message, list[bytes]]] = deque()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.set_hwm(HIGH_WATER)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_WIRE)
        self._socket.setsockopt(zmq.LINGER, 1000)
        self._socket.connect(endpoint)
        self._loaded = False
        self._on_card = False  # whether the engine computes on a graphics card
        self._where: dict[str, Any] = {}  # what results say of that, where there was a choice
        self._measure = False  # whether memory is to be trimmed and reported after work
        self._next_beat = math.inf  # monotonic time; infinite at rest
        self._resident = 0  # bytes at the last beat,
        self._size = 0  # and the size in it, which includes the programs that ran
        self._draining = False  # whether to leave after the last job
        self._leaving: float | None = None  # monotonic time until which to wait for the supervisor's `bye`
        self._status = 0

    # --- the I/O thread ----------------------------------------------------------------------------------------------

    def run(self) -> int:
        """The main loop; returns the exit status."""
        self._send(WorkerHello(token=self._token, protocol=PROTOCOL, version=__version__, pid=os.getpid()))
        threading.Thread(target=self._load_then_work, name="job-0", daemon=True).start()
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._wake_read, zmq.POLLIN)
        self._next_beat, cpu_at_beat = time.monotonic() + LOADING_S, cpu()
        while True:
            now = time.monotonic()
            if self._leaving is not None:
                if now >= self._leaving:
                    break
                timeout = self._leaving - now
            elif self._jobs or not self._loaded:
                if self._next_beat == math.inf:  # work begins, perhaps of many short jobs
                    self._next_beat = now + BEAT_S
                if now >= self._next_beat:
                    used = cpu()
                    if self._jobs:
                        self._beat()
                    elif used - cpu_at_beat > 0.01:
                        # A load that uses no CPU time hangs, and must not look alive.
                        self._send(Loading())
                    cpu_at_beat = used
                    self._next_beat = now + (BEAT_S if self._loaded else LOADING_S)
                timeout = self._next_beat - now
            elif self._measure:
                timeout = SETTLE_S
            else:
                timeout = -1.0
            events = dict(poller.poll(None if timeout < 0 else max(1, int(timeout * 1000))))
            if not events and self._measure and not self._jobs and self._leaving is None:
                self._measure = False
                self._next_beat = math.inf
                trim()
                self._beat()
            if self._wake_read in events:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
                while self._outbox and self._leaving is None:  # nothing follows a `bye`
                    self._send(*self._outbox.popleft())
            if self._socket in events and not self._receive():
                break
            if self._draining and not self._jobs:
                self._leave()
        self._socket.close(linger=1000)
        self._context.term()
        return self._status

    def _receive(self) -> bool:
        """Takes the messages that have arrived; returns False once one of them was `bye`."""
        while True:
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return True
            try:
                message = unpack(frames, self._decoder)
            except HushdError as error:
                # From a newer supervisor. Without an id, so that no job ends by it.
                self._send(Error.of(b"", error))
                continue
            if isinstance(message, JobMessage):
                self._begin(Job(message, self._post))
            elif isinstance(message, Chunk):
                if job_ := self._jobs.get(message.id):
                    job_.feed(message)
            elif isinstance(message, Credit):
                if job_ := self._jobs.get(message.id):
                    job_.grant(message.chunks)
            elif isinstance(message, Cancel):
                if job_ := self._jobs.get(message.id):
                    job_.cancel()
            elif isinstance(message, Drain):
                self._draining = True
            elif isinstance(message, Bye):
                return False

    def _begin(self, job: Job) -> None:
        self._jobs[job.id] = job
        with self._staffing:
            self._todo.put(job)
            if self._threads < min(len(self._jobs), self._base + self._aside):
                self._staff()

    def _staff(self) -> None:
        threading.Thread(target=self._work, name=f"job-{self._threads}", daemon=True).start()
        self._threads += 1

    def _send(self, message: Message, frames: list[bytes] | None = None) -> None:
        if isinstance(message, Result | Error):
            self._jobs.pop(message.id, None)
            self._measure = True
            if self._size - rss() > GROWTH:  # of a program that has ended: the worker must not be taken for so large
                self._beat()
        elif isinstance(message, Ready):
            self._loaded = self._measure = True
            self._next_beat, self._resident = math.inf, rss()
        elif isinstance(message, LoadFailed):
            self._status = EXIT_LOAD_FAILED
        self._socket.send_multipart(frames or pack(message))
        if isinstance(message, Result | Error) and rss() - self._resident > GROWTH:
            self._beat()
        if isinstance(message, LoadFailed):
            self._leave()

    def _beat(self) -> None:
        self._resident, self._size = rss(), pss()
        self._send(Beat(cpu_s=cpu(), pss=self._size, cards=self._cards()))

    def _cards(self) -> dict[str, int]:
        """The memory taken of graphics cards; an engine that computes on none loads no driver for this."""
        if not self._on_card:
            return {}
        from . import card

        return card.taken()

    def _leave(self) -> None:
        if self._leaving is None:
            self._leaving = time.monotonic() + GOODBYE_S
            self._send(Bye())

    # --- job threads -------------------------------------------------------------------------------------------------

    def _post(self, message: Message) -> None:
        # Packed here: a message that cannot be sent is the engine's failure, not the I/O thread's.
        self._outbox.append((message, pack(message)))
        with contextlib.suppress(BlockingIOError):  # full: the I/O thread has a wake-up waiting
            os.write(self._wake_write, b".")

    def _load_then_work(self) -> None:
        mark("worker loads")
        try:
            capabilities = self._engine.load(lambda note: self._post(Loading(note=note)))
            mark("worker ready")
            gc.freeze()  # objects of the load live as long as the process: no collection need walk them
            slots, sessions = max(1, self._engine.slots), max(0, getattr(self._engine, "sessions", 0))
            aside = max(0, getattr(self._engine, "aside", 0))
            with self._staffing:
                self._base, self._aside = slots + sessions, slots + aside if aside else 0
                while self._threads < self._base:
                    self._staff()
            self._on_card = str(capabilities.get("compute_device", "")).startswith("cuda")
            if self._on_card or capabilities.get("why_there"):
                known = ("compute_device", "why_there")
                self._where = {name: capabilities[name] for name in known if name in capabilities}
            cards = self._cards()
            ready = Ready(
                slots=slots, sessions=sessions, aside=aside, capabilities=capabilities, cards=cards, pss=pss()
            )
            self._post(ready)
        except BaseException as error:
            if (failed := _load_failed(error)) is None:
                _end(error, End(EXIT_CRASHED, ""))
            self._post(failed)
            return
        self._work()

    def _work(self) -> None:
        while True:
            job = self._todo.get()
            log_lines.concern(job.id)
            try:
                self._post(self._answer(job))
            except Exception as error:  # an answer that is too large, or no plain data
                self._post(failure(job.id, error))
            log_lines.concern(b"")
            del job  # so that its input does not live until the next one
            with self._staffing:
                if self._threads > self._base and self._todo.empty():
                    self._threads -= 1
                    return

    def _answer(self, job: Job) -> Message:
        try:
            job.check()
            data = self._engine.run(job) | self._where
            return Result(id=job.id, data=data | {"degraded": True} if job.degraded else data)
        except Cancelled:
            return Error.of(job.id, HushdError("cancelled", "The request was cancelled."))
        except BaseException as error:  # a library's sys.exit() would silently end this thread
            if end := fatal(error):
                _end(error, end)
            return answer(job.id, error)


def _load_failed(error: BaseException) -> LoadFailed | None:
    """The report of a load that need not be tried again as it is; None for a crash."""
    if isinstance(error, HushdError) and error.code == "server_busy":
        return LoadFailed(code=error.code, message=error.message, on_card=bool(error.detail.get("on_card")))
    if short_of_memory(error):
        traceback.print_exception(error)
        return LoadFailed(code="server_busy", message="There was not enough free memory to load it.")
    return LoadFailed(code=error.code, message=error.message) if isinstance(error, HushdError) else None


def _end(error: BaseException, end: End) -> NoReturn:
    """Ends the process at once; the supervisor reports the log's last line, and repeats what ran."""
    traceback.print_exception(error)
    if end.why:
        print(end.why, file=sys.stderr)
    sys.stderr.flush()
    os._exit(end.status)
