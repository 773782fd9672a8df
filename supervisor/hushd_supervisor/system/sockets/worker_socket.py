"""The workers' processes and their socket: starts workers, knows them by tokens, passes messages, reports exits."""

from __future__ import annotations

import errno
import functools
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import zmq
from hushd_protocol import buggify
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import (
    FROM_WORKER,
    Beat,
    Bye,
    Error,
    Job,
    LoadFailed,
    Message,
    Ready,
    Welcome,
    WorkerHello,
)
from hushd_protocol.system import lifeline, passed_file, temporary_folders
from hushd_protocol.system.paths import Paths
from hushd_schema.settings import Settings

from hushd_supervisor.core import events as ev
from hushd_supervisor.core.actions import Action, Kill, ProbeStart, Spawn, ToWorker

from ..children import Children, Running
from ..memory import measure
from ..process import Process, compute_environment, worker_command, worker_environment
from ..source import Outcome, Perform, Source
from ..worker_logs import WorkerLogs
from .client_socket import BATCH
from .lock import ListeningSocket
from .router import ANSWER_LINGER_MS, listen, make_router, send

# An exit can be noticed before a result that was sent before it, because libzmq reads on its own thread. So an exit
# counts only after LAST_MESSAGES_TIMEOUT_S without a frame of that worker, once the socket is empty or has delivered
# a message of every other connection, since libzmq reads them in turn; unless the worker has sent `bye`.
LAST_MESSAGES_TIMEOUT_S = 0.05
BYE_S = 1.0  # the same for a worker that exited with status 0: it has sent `bye`, which is late
MAX_FORMER = 64  # routes remembered after the exit has counted, since a last message may still come
MAX_STANDSTILLS = 3  # standstills of ours that restart that time, so that it ends even on a machine that is always late
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)  # open files, processes, memory


@dataclass(slots=True, eq=False)
class _Worker:
    name: str
    gen: int
    child: Running
    files: socket.socket  # our end of the way of the files that its jobs name
    temporary: str  # the folder for its temporary files, if it is confined
    mark: str  # mark in the environment of all that it starts
    oom_kills: int | None  # the kernel's count of out-of-memory kills, at its start or its last job's: it lived then
    route: bytes | None = None  # address of the worker that has shown its token
    bye: bool = False
    status: int | None = None  # exit status of a process that is reaped
    exit_due: float = 0.0  # time when its exit counts, unless a frame comes first
    other_messages: int = 0  # messages of other workers read since its exit
    standstills: int = 0  # standstills of this process since its exit
    stopped: bool = False  # whether it stood still by a signal when we killed it

    @property
    def process(self) -> Process:
        return self.child.process

    def close(self) -> None:
        self.files.close()
        self.child.close()
        temporary_folders.discard(self.temporary)


class WorkerSocket(Source):
    """All processes of workers, from their spawn until their `Exited`.

    Args:
        oom_kills: returns the kernel's count of our processes killed for lack of memory; None if it has none.
        owner: see `orphans`.
        elsewhere: returns the bytes that a worker of this name may take in a container.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        listener: ListeningSocket,
        children: Children,
        paths: Paths,
        settings: Settings,
        welcome: Welcome,
        record: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
        oom_kills: Callable[[], int | None] = lambda: None,
        owner: str = "",
        elsewhere: Callable[[str], int] = lambda _: 0,
    ) -> None:
        self.listener = listener
        self.socket = make_router(context)
        listen(self.socket, listener)
        self._children = children
        self._decoder = Decoder(FROM_WORKER)
        self._paths = paths
        self._settings = settings
        self._welcome = welcome
        self._record = record
        self._clock = clock
        self._owner = owner
        self._oom_kills = oom_kills
        self._elsewhere = elsewhere
        self._workers: dict[tuple[str, int], _Worker] = {}
        self._tokens: dict[str, _Worker] = {}  # workers that have not said hello
        self._open_file = passed_file.Opener()
        self._dead: list[_Worker] = []  # workers whose exit waits for their last messages
        self._routes: dict[bytes, _Worker] = {}
        self._former: deque[bytes] = deque(maxlen=MAX_FORMER)  # routes
        self._strangers = False  # whether a stranger was logged
        self._logs = WorkerLogs(children.poller)

    # --- the loop's calls --------------------------------------------------------------------------------------------

    def register(self, poller: zmq.Poller) -> None:
        poller.register(self.socket, zmq.POLLIN)

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Spawn: self._spawn, Kill: self.kill, ProbeStart: self._probe_start, ToWorker: self._send}

    def events(self, ready: Container[object], now: float) -> Iterator[ev.Event]:
        self._logs.read(ready, now)
        if buggify("exits before messages"):
            yield from self.exits(ready, self._clock())
        if self.socket in ready:
            yield from self.receive(1 if buggify("one message of workers") else BATCH)
        yield from self.exits(ready, self._clock())

    def unread(self) -> bool:
        return bool(self.socket.poll(0))

    # --- actions of the pool -----------------------------------------------------------------------------------------

    def _spawn(self, action: Spawn) -> Iterable[Outcome]:
        if failed := self.spawn(action):
            yield failed
        else:
            yield ev.Spawned(action.worker, action.gen)

    def _probe_start(self, action: ProbeStart) -> Iterable[Outcome]:
        worker = self._workers.get((action.worker, action.gen))
        if worker and worker.status is None and (used := measure.used(worker.process.pid)):
            yield ev.StartProbed(action.worker, action.gen, used)

    def _send(self, action: ToWorker) -> Iterable[Outcome]:
        if isinstance(action.message, Job) and (worker := self._workers.get((action.worker, action.gen))):
            worker.oom_kills = self._oom_kills() if worker.child.poll() is None else worker.oom_kills
        if isinstance(action.message, Job) and action.message.input == "path":
            try:
                self._pass_file(action.worker, action.gen, action.message)
            except HushdError as error:
                return (ev.FromWorker(action.worker, action.gen, Error.of(action.message.id, error)),)
        failed = self.send(action.worker, action.gen, action.message)
        return (failed,) if failed else ()

    def _pass_file(self, name: str, gen: int, job: Job) -> None:
        """Opens the file that a job names, and passes it to the worker ahead of the job; raises the errors of
        `passed_file.Opener`."""
        descriptor = self._open_file(job.path, job.device, job.inode, job.size)
        try:
            if worker := self._workers.get((name, gen)):
                passed_file.send(worker.files, descriptor)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ETOOMANYREFS):  # a program that takes no files: its job has the path
                self._record("warning", f"{name} takes no open files")
        finally:
            os.close(descriptor)

    def spawn(self, action: Spawn) -> ev.SpawnFailed | None:
        name, gen = action.worker, action.gen
        settings = self._settings.for_worker(name)
        device = action.compute_device or settings.compute_device
        token, mark = os.urandom(16).hex(), f"{self._owner}{os.urandom(8).hex()}"
        confine = "off" if settings.command else self._settings.security.confine  # the user's own program is not ours
        temporary = temporary_folders.new()
        try:
            files, theirs = passed_file.pair()
            with ExitStack() as undone, theirs:
                undone.callback(files.close)
                child = self._children.start(
                    worker_command(name, settings.command),
                    self._paths.worker_log(name),
                    compute_environment(device, os.environ, action.card, action.why),
                    {"HUSHD_PRECISION": settings.precision, "HUSHD_CONFINE": confine},
                    {"HUSHD_TEMPORARY": temporary, **worker_environment(name, os.environ), **settings.environment},
                    {"HUSHD_WORKER_SOCKET": f"ipc://{self._paths.worker_socket}", "HUSHD_WORKER_TOKEN": token},
                    {"HUSHD_FILES": str(theirs.fileno()), lifeline.TREE: mark},
                    inherited=(theirs.fileno(),),
                    piped=True,
                )
                undone.pop_all()
        except (HushdError, OSError, ValueError) as error:
            return _failed(name, gen, error)
        worker = _Worker(name, gen, child, files, temporary, mark, self._oom_kills())
        self._tokens[token] = self._workers[name, gen] = worker
        self._logs.add(child)
        return None

    def configure(self, settings: Settings) -> None:
        self._settings = settings

    def kill(self, action: Kill) -> None:
        """Kills a worker and its descendants; returns at once."""
        if worker := self._workers.get((action.worker, action.gen)):
            worker.stopped = worker.stopped or lifeline.is_stopped(worker.process.pid)
            worker.process.kill()

    def send(self, name: str, gen: int, message: Message) -> ev.SendFailed | None:
        """Sends without waiting."""
        worker = self._workers.get((name, gen))
        if worker is None or worker.route is None:
            return ev.SendFailed(name, gen)
        try:
            send(self.socket, worker.route, pack(message))
        except (zmq.Again, HushdError):  # its queue of 1000 messages is full, or the message is too large
            return ev.SendFailed(name, gen)
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            if worker.child.poll() is None:
                return ev.SendFailed(name, gen)
            # It has ended, which `exits` reports. After a `SendFailed` the pool would kill it and count that as a hang.
        return None

    # --- events for the loop -------------------------------------------------------------------------------------

    def receive(self, limit: int) -> Iterator[ev.FromWorker | ev.SendFailed]:
        for _ in range(limit):
            try:
                route, *frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            worker = self._routes.get(route)
            for dead in self._dead:
                dead.other_messages = 0 if dead is worker else dead.other_messages + 1
            try:
                message = unpack(frames, self._decoder)
            except HushdError as error:
                if worker is None:
                    self._refuse(route, error)
                else:
                    self._record("error", f"{worker.name} sent something that is not a message: {error}")
                    yield ev.SendFailed(worker.name, worker.gen)
                continue
            if worker is None and route in self._former:
                continue
            if worker is None:
                if admitted := self._admit(route, message):
                    yield admitted
                continue
            if worker.status is not None:
                worker.exit_due = self._clock() + LAST_MESSAGES_TIMEOUT_S
            worker.bye = worker.bye or isinstance(message, Bye)
            if isinstance(message, Ready | Beat):
                elsewhere = functools.partial(self._elsewhere, worker.name)
                message = measure.checked(message, worker.process.pid, elsewhere)
            yield ev.FromWorker(worker.name, worker.gen, message)

    def exits(self, ready: Container[object], now: float) -> Iterator[ev.Exited]:
        """Reaps processes; yields exits once all messages of the worker are read; `ready` are readable descriptors."""
        for worker in list(self._workers.values()):
            if worker.status is None:
                worker.status = worker.child.poll(ready)
                if worker.status is None:
                    continue
                self._close(worker)
                worker.exit_due = now if worker.bye else now + (LAST_MESSAGES_TIMEOUT_S if worker.status else BYE_S)
                self._dead.append(worker)
            elif (
                now > worker.exit_due + LAST_MESSAGES_TIMEOUT_S
                and not worker.bye
                and worker.standstills < MAX_STANDSTILLS
            ):
                worker.exit_due = now + LAST_MESSAGES_TIMEOUT_S  # this process stood still, with libzmq's thread
                worker.standstills += 1
            if now >= worker.exit_due and self._is_read(worker) and not buggify("exit waits"):
                self._dead.remove(worker)
                self._remove(worker)
                self._record("debug", f"{worker.name} ended with status {worker.status}")
                short = self._out_of_memory(worker)
                yield ev.Exited(worker.name, worker.gen, worker.status, worker.child.output(), short, worker.stopped)

    def deadline(self) -> float | None:
        """The time at which the next waiting exit counts, or a log is written on."""
        dues = [worker.exit_due for worker in self._dead]
        return min((*dues, due) if (due := self._logs.deadline()) is not None else dues, default=None)

    def _is_read(self, worker: _Worker) -> bool:
        """Returns whether libzmq has no more messages of a dead worker."""
        return worker.bye or worker.other_messages > len(self._routes) or not self.socket.poll(0)

    def pids(self) -> dict[tuple[str, int], int]:
        """Returns the pids of the living processes, by name and generation."""
        return {key: worker.process.pid for key, worker in self._workers.items() if worker.status is None}

    def marks(self) -> set[str]:
        """Returns the marks of the living processes, and of all that they have started."""
        return {worker.mark for worker in self._workers.values() if worker.status is None}

    def close(self, linger_ms: int = ANSWER_LINGER_MS) -> None:
        """Closes the socket; the lifelines end the remaining workers."""
        self.socket.close(linger=linger_ms)
        for worker in list(self._workers.values()):
            self._remove(worker)
        self.listener.remove()

    # --- identities --------------------------------------------------------------------------------------------------

    def _admit(self, route: bytes, message: Message) -> ev.FromWorker | None:
        if not isinstance(message, WorkerHello):
            self._refuse(route, HushdError("unauthorised", "The first message of a worker must be its hello."))
            return None
        worker = self._tokens.pop(message.token, None)
        if worker is None:
            self._refuse(route, HushdError("unauthorised", "No worker that is starting has this token."))
            return None
        if message.protocol != PROTOCOL:
            text = (
                f"The worker speaks hushd/{message.protocol} ({message.version}) and the supervisor hushd/{PROTOCOL} "
                f"({self._welcome.version}): run `hushd restart`, which starts the supervisor installed here."
            )
            self._refuse(route, HushdError("version_mismatch", text))
            return ev.FromWorker(worker.name, worker.gen, LoadFailed(code="version_mismatch", message=text))
        worker.route = route
        self._routes[route] = worker
        self.send(worker.name, worker.gen, self._welcome)
        return ev.FromWorker(worker.name, worker.gen, message)

    def _out_of_memory(self, worker: _Worker) -> bool | None:
        """Returns whether a worker died of SIGKILL while the kernel was killing processes for lack of memory; None if
        the kernel does not say."""
        if worker.status != -signal.SIGKILL:
            return False
        count = self._oom_kills()
        return None if worker.oom_kills is None or count is None else count > worker.oom_kills

    def _refuse(self, route: bytes, error: HushdError) -> None:
        if not self._strangers:
            self._strangers = True
            self._record(
                "warning", f"refused a stranger on the workers' socket, and will not log further ones: {error}"
            )
        try:
            self.socket.send_multipart([route, *pack(Error.of(b"", error))], zmq.NOBLOCK)
        except zmq.ZMQError:
            pass  # the stranger has left, or does not read

    def _remove(self, worker: _Worker) -> None:
        del self._workers[worker.name, worker.gen]
        if worker.route is not None:
            del self._routes[worker.route]
            self._former.append(worker.route)
        self._tokens = {token: starting for token, starting in self._tokens.items() if starting is not worker}
        if worker.status is None:
            self._close(worker)

    def _close(self, worker: _Worker) -> None:
        self._logs.remove(worker.child)
        worker.close()


def _failed(name: str, gen: int, error: Exception) -> ev.SpawnFailed:
    return ev.SpawnFailed(name, gen, reason(error), transient=isinstance(error, OSError) and error.errno in _SCARCE)
