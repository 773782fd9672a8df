"""Runs any engine as a worker: connects, loads, runs jobs, sends heartbeats, and leaves.

The main thread owns the socket and never runs engine code, which runs on `job_threads`. Job threads send through a
queue and a wake-up pipe, because a ZeroMQ socket belongs to one thread.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import sys
import time
import traceback
from collections import deque
from functools import partial
from typing import NoReturn

import zmq
from hushd_protocol import __version__, buggify
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError
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
from hushd_protocol.system import best_effort, lifeline, log_files, own_modules, passed_file
from hushd_protocol.system.footprint import rss, trim, use_huge_pages
from msgspec.structs import replace

from .confinement import Confinement, Share
from .errors import EXIT_CRASHED
from .job import Job
from .job_threads import JobThreads
from .usage import PrivateMemory, cpu, pss
from .worker import BaseWorker

# Seconds between heartbeats while a job runs; the supervisor kills the worker when three are missing.
BEAT_INTERVAL_S = 2.0
LOADING_S = 5.0  # seconds between heartbeats while the load uses CPU time
GROWTH = 8_000_000  # bytes of growth in memory during a job that are reported by an extra heartbeat at its end
# Seconds between measurements of memory during a load; five times that during jobs: peaks last for seconds.
SAMPLE_S = 0.1
# Seconds of idleness before memory is given back and measured, for which a next request need not wait.
TRIM_DELAY_S = 1.0
GOODBYE_S = 1.0  # seconds to wait for the supervisor's `bye`; an exit right after a send lost 41 to 59 of 60 results
EXIT_LOAD_FAILED = 78  # EX_CONFIG: reported by `load_failed`, so not a crash


def serve(worker: BaseWorker, share: Share | None = None) -> NoReturn:
    """Runs `worker` as the one of the supervisor that started this process, until the supervisor ends it.
    `share`: what this process keeps, which gives up all else before it imports an engine; None: it gives up nothing."""
    endpoint, token = os.environ.pop("HUSHD_WORKER_SOCKET", ""), os.environ.pop("HUSHD_WORKER_TOKEN", "")
    descriptor, supervisor = os.environ.pop("HUSHD_LIFELINE", ""), os.environ.pop("HUSHD_SUPERVISOR", "")
    if not (endpoint and token and descriptor and supervisor):
        raise SystemExit("hushd's workers are started by its supervisor: use `hushd load` instead.")
    lifeline.arm(int(descriptor), int(supervisor))
    os.set_inheritable(int(descriptor), False)
    os.environ.setdefault("CUDA_MODULE_LOADING", "LAZY")  # as since CUDA 12.2: kernels are loaded at their first use
    own_modules.guard()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the client, which sends `cancel`
    os.dup2(2, 1)  # engines' output goes to the log,
    # unbuffered, since `os._exit` does not flush buffers.
    sys.stdout = sys.stderr = log_files.LogStream(2)
    best_effort.report_to(print)
    try:
        confinement = Confinement(share)
        confinement.close_files()
        status = _Harness(worker, endpoint, token, confinement).run()
    except BaseException:  # out of memory or descriptors: the supervisor starts another worker
        traceback.print_exc()
        status = EXIT_CRASHED
    sys.stderr.flush()
    os._exit(status)  # native destructors hang or crash at interpreter exit


class _Harness:
    def __init__(self, worker: BaseWorker, endpoint: str, token: str, confinement: Confinement) -> None:
        self._confinement = confinement
        self._memory = PrivateMemory()
        self._sample_due = 0.0
        self._threads = JobThreads(worker, self._post, self._memory, self._after_release)
        self._token = token
        self._decoder = Decoder(TO_WORKER)
        self._jobs: dict[bytes, Job] = {}
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
        # The way of the files that jobs name, each passed before its job; a supervisor of an earlier version has none.
        files = os.environ.pop("HUSHD_FILES", "")
        self._files = socket.socket(fileno=int(files)) if files else None
        self._loaded = False
        self._measure = False  # whether memory is to be released after work, and reported
        self._rested = False  # whether it has done so
        self._next_beat = math.inf  # monotonic time; infinite at rest
        self._resident = 0  # bytes at the last heartbeat,
        self._size = 0  # resident size, and the larger size reported in it, with child programs
        self._draining = False  # whether to leave after the last job
        self._leaving: float | None = None  # monotonic time until which to wait for the supervisor's `bye`
        self._status = 0

    # --- the I/O thread ----------------------------------------------------------------------------------------------

    def run(self) -> int:
        """The main loop; returns the exit status."""
        self._send(WorkerHello(token=self._token, protocol=PROTOCOL, version=__version__, pid=os.getpid()))
        if self._confinement.share:
            self._socket.poll()  # waits for the welcome: nothing can be connected any more once the calls are closed
        self._threads.start(self._confinement.close_calls)
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
                if self._next_beat == math.inf:  # work begins, perhaps many short jobs
                    use_huge_pages(True)
                    self._next_beat = now + BEAT_INTERVAL_S
                if now >= self._next_beat:
                    used = cpu()
                    if self._jobs:
                        self._beat()
                    elif used - cpu_at_beat > 0.01:
                        # A load that uses no CPU time hangs, and must not look alive.
                        self._send(Loading())
                    cpu_at_beat = used
                    late = 2 if buggify("beat is late") else 1
                    self._next_beat = now + late * (BEAT_INTERVAL_S if self._loaded else LOADING_S)
                self._sample(now)
                timeout = min(self._next_beat, self._sample_due) - now
            elif self._measure:
                timeout = TRIM_DELAY_S
            else:
                timeout = -1.0
            events = dict(poller.poll(None if timeout < 0 else max(1, int(timeout * 1000))))
            if not events and self._measure and not self._jobs and self._leaving is None:
                self._measure = False
                self._threads.release_memory()
            if self._rested:
                self._rested = False
                if not self._jobs and self._leaving is None:
                    self._next_beat = math.inf
                    trim()
                    use_huge_pages(False)
                    self._beat()
            if self._wake_read in events:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
                while self._outbox and self._leaving is None:  # nothing follows a `bye`
                    self._send(*self._outbox.popleft())
                    if buggify("worker sends one message"):
                        self._wake()
                        break
            if self._socket in events and not self._receive():
                break
            if self._draining and not self._jobs and self._leaving is None:
                self._threads.close()
                self._say_bye()
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
                # The message is a newer supervisor's. The answer has no id, so that it ends no job.
                self._send(Error.of(b"", error))
                continue
            if isinstance(message, JobMessage):
                new = self._jobs[message.id] = Job(message, self._post, partial(self._file_of, message))
                self._threads.assign(new, len(self._jobs))
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
            if buggify("worker reads one message"):
                return True

    def _sample(self, now: float) -> None:
        """Measures memory, if that is due."""
        if now >= self._sample_due:
            if not buggify("memory is not measured"):
                self._memory.measure()
            self._sample_due = now + (5 * SAMPLE_S if self._loaded else SAMPLE_S)

    def _file_of(self, job: JobMessage) -> int | None:
        """Returns the descriptor of the file that a job names; None if it could not be passed. Those of earlier jobs,
        which have not come, are closed: no job reads another one's file."""
        while self._files and (descriptor := passed_file.receive(self._files)) is not None:
            info = os.fstat(descriptor)
            if (info.st_dev, info.st_ino) == (job.device, job.inode):
                return descriptor
            os.close(descriptor)
        return None

    def _send(self, message: Message, frames: list[bytes] | None = None) -> None:
        if isinstance(message, Result | Error):
            self._jobs.pop(message.id, None)
            self._measure = True
            if self._size - rss() > GROWTH:  # a child program has ended: report that the worker is smaller now
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
            self._say_bye()

    def _beat(self) -> None:
        memory, mapped, cards = self._memory, pss(), self._threads.cards()
        memory.measure()
        # Memory that is given back leaves the map at once, the resident size bit by bit.
        self._resident, self._size = rss(), max(mapped, memory.now)
        self._send(Beat(cpu_s=cpu(), pss=mapped, cards=cards, private=memory.now, peak=memory.peak))

    def _say_bye(self) -> None:
        if self._leaving is None:
            self._leaving = time.monotonic() + GOODBYE_S
            self._send(Bye())

    # --- from job threads --------------------------------------------------------------------------------------------

    def _post(self, message: Message) -> None:
        if isinstance(message, Ready) and self._confinement.works:
            message = replace(message, capabilities={**message.capabilities, "confined": True})
        # Packed here, so that a message that cannot be packed is the engine's failure, not the I/O thread's.
        self._outbox.append((message, pack(message)))
        self._wake()

    def _after_release(self) -> None:
        self._rested = True
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # the pipe is full: the I/O thread will wake up anyway
            os.write(self._wake_write, b".")
