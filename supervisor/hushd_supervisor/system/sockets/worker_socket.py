"""The workers' processes and their socket: spawns, identities, frames to events and back, exits."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import zmq
from hushd_protocol.codec import Decoder
from hushd_protocol.errors import HushdError
from hushd_protocol.framing import pack, unpack
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import FROM_WORKER, Beat, Bye, Error, LoadFailed, Message, Ready, Welcome, WorkerHello
from hushd_protocol.system import log_lines
from hushd_protocol.system.paths import Paths, prepare_state
from hushd_protocol.system.trace import mark

from hushd_supervisor.core.events import Exited, FromWorker, SendFailed, SpawnFailed
from hushd_supervisor.core.settings import Settings

from .. import log
from ..memory import measure
from ..process import Launch, Process, compute_environment, environment, worker_command
from ..standby import Templates
from .client_socket import make_router, send
from .gate import Gate, ceiling
from .lock import ListeningSocket

# An exit can be seen before a result that was sent before it, because libzmq reads on a thread of its own. So it counts
# only after this time without a frame of that worker, and once the socket is empty or has had a message of each other
# connection, of which libzmq takes one in turn; unless the worker has sent `bye`.
SETTLE_S = 0.05
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)  # open files, processes, memory


@dataclass(slots=True, eq=False)
class _Worker:
    name: str
    gen: int
    process: Process
    lifeline: int  # the write end of the pipe that kills the worker's group if this process dies
    log: Path
    log_start: int
    oom_kills: int | None  # of the kernel, for want of memory, before its start
    route: bytes | None = None  # once it has shown its token
    bye: bool = False
    status: int | None = None  # once it was reaped
    settled: float = 0.0  # when its exit counts, unless a frame comes first
    others: int = 0  # messages of others that were read since then


class WorkerSocket:
    """All processes of workers, from their spawn until their `Exited`.

    Args:
        poller: watches for the end of processes.
        paths: of the socket and the logs.
        welcome: the answer to a worker's hello.
        launch: starts a process.
        record: writes to the supervisor's log (level, text).
        clock: monotonic seconds.
        templates: fork workers, where the user wants that.
        oom_kills: counts our processes that the kernel has killed for want of memory; None where it does not report.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        listener: ListeningSocket,
        poller: zmq.Poller,
        paths: Paths,
        settings: Settings,
        welcome: Welcome,
        launch: Launch,
        record: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
        oom_kills: Callable[[], int | None] = lambda: None,
        templates: Templates | None = None,
    ) -> None:
        self.listener = listener
        self.socket = make_router(context)
        self.gate = Gate(context, self.socket, listener, ceiling(10))
        self._poller = poller
        self._decoder = Decoder(FROM_WORKER)
        self._paths = paths
        self._settings = settings
        self._welcome = welcome
        self._launch = launch
        self._record = record
        self._clock = clock
        self._oom_kills = oom_kills
        self._templates = templates
        self._workers: dict[tuple[str, int], _Worker] = {}
        self._tokens: dict[str, _Worker] = {}  # of workers that have not said hello
        self._dead: list[_Worker] = []  # whose exit waits for the last of their messages
        self._routes: dict[bytes, _Worker] = {}
        self._strangers = False  # one was logged

    # --- actions of the pool --------------------------------------------------------------------------------------

    def spawn(
        self, name: str, gen: int, compute_device: str = "", shown: str = "", why: str = "", template: int = 0
    ) -> SpawnFailed | None:
        """Starts generation `gen` of worker `name`; there are no more processes than connections for them.

        Args as for `actions.Spawn`.
        """
        if len(self._workers) >= self.gate.ceiling:
            return SpawnFailed(name, gen, f"open files are left for {self.gate.ceiling} workers", starved=True)
        settings = self._settings.for_worker(name)
        token = os.urandom(16).hex()
        path = self._paths.worker_log(name)
        mark("worker spawned")
        # A pipe for each worker: the group that its end kills is a property of the pipe, not of the descriptor.
        try:
            lifeline, ours = os.pipe()
        except OSError as error:
            return _failed(name, gen, error)
        try:
            prepare_state(self._paths)
            output = log.open_file(path)
            try:
                start = os.fstat(output).st_size
                command = worker_command(name, settings.command)
                variables = environment(
                    os.environ,
                    compute_environment(compute_device or settings.compute_device, os.environ, shown, why),
                    settings.environment,
                    {
                        "HUSHD_WORKER_SOCKET": f"ipc://{self._paths.worker_socket}",
                        "HUSHD_WORKER_TOKEN": token,
                        "HUSHD_LIFELINE": str(lifeline),
                        "HUSHD_SUPERVISOR": str(os.getpid()),
                        log_lines.FORMAT: self._settings.log_format,
                        log_lines.CONTENT: "1" if self._settings.log_content else "",
                    },
                )
                forked = self._fork(name, template, command, variables, output, lifeline)
                process = forked or self._launch(command, variables, stdout=output, stderr=output, lifeline=lifeline)
            finally:
                os.close(output)
        except (HushdError, OSError, ValueError) as error:
            os.close(ours)
            return _failed(name, gen, error)
        finally:
            os.close(lifeline)
        worker = _Worker(name, gen, process, ours, path, start, self._oom_kills())
        self._workers[name, gen] = self._tokens[token] = worker
        if process.exit_fd is not None:
            self._poller.register(process.exit_fd, zmq.POLLIN)
        return None

    def _fork(
        self, name: str, template: int, command: list[str], variables: dict[str, str], output: int, lifeline: int
    ) -> Process | None:
        """A fork of the template's generation `template`, 0 for none; None where there is none to be had."""
        if not (template and self._templates):
            return None
        engine = name.rpartition("/")[0]
        return self._templates.fork(engine, template, command, variables, output, lifeline)

    def configure(self, settings: Settings) -> None:
        """Applies other settings to the next starts."""
        self._settings = settings

    def kill(self, name: str, gen: int) -> None:
        """Kills a worker and all that it has started; does not wait."""
        if worker := self._workers.get((name, gen)):
            worker.process.kill()

    def send(self, name: str, gen: int, message: Message) -> SendFailed | None:
        """Sends without waiting."""
        worker = self._workers.get((name, gen))
        if worker is None or worker.route is None:
            return SendFailed(name, gen)
        try:
            send(self.socket, worker.route, pack(message))
        except (zmq.Again, HushdError):  # 1000 messages that it does not read, or one that is too large
            return SendFailed(name, gen)
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return SendFailed(name, gen)
        return None

    # --- events for the loop -------------------------------------------------------------------------------------

    def receive(self, limit: int) -> Iterator[FromWorker | SendFailed]:
        """Yields at most `limit` messages."""
        for _ in range(limit):
            try:
                route, *frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            worker = self._routes.get(route)
            for dead in self._dead:
                dead.others = 0 if dead is worker else dead.others + 1
            try:
                message = unpack(frames, self._decoder)
            except HushdError as error:
                if worker is None:
                    self._refuse(route, error)
                else:
                    self._record("error", f"{worker.name} sent something that is not a message: {error}")
                    yield SendFailed(worker.name, worker.gen)
                continue
            if worker is None:
                if admitted := self._admit(route, message):
                    yield admitted
                continue
            if worker.status is not None:
                worker.settled = self._clock() + SETTLE_S
            worker.bye = worker.bye or isinstance(message, Bye)
            if isinstance(message, Ready | Beat):
                size, cards = measure.believed(message.pss, worker.process.pid), measure.plausible_cards(message.cards)
                message = replace(message, pss=size, cards=cards)
            yield FromWorker(worker.name, worker.gen, message)

    def exits(self, ready: Container[object], now: float) -> Iterator[Exited]:
        """Reaps processes, and reports those that can have sent nothing more; `ready` are readable descriptors."""
        for worker in list(self._workers.values()):
            if worker.status is None:
                if worker.process.exit_fd is not None and worker.process.exit_fd not in ready:
                    continue
                worker.status = worker.process.poll()
                if worker.status is None:
                    continue
                if worker.process.exit_fd is not None:
                    self._poller.unregister(worker.process.exit_fd)
                worker.process.close()
                worker.settled = now if worker.bye else now + SETTLE_S
                self._dead.append(worker)
            if now >= worker.settled and self._is_read(worker):
                self._dead.remove(worker)
                self._remove(worker)
                tail = log.tail(worker.log, worker.log_start)
                yield Exited(worker.name, worker.gen, worker.status, tail, self._out_of_memory(worker))

    def deadline(self) -> float | None:
        """The time at which the next exit counts that waits for frames."""
        return min((worker.settled for worker in self._dead), default=None)

    def _is_read(self, worker: _Worker) -> bool:
        """Whether libzmq has nothing more of a dead worker."""
        return worker.bye or worker.others > self.gate.connections or not self.socket.poll(0)

    def pids(self) -> dict[tuple[str, int], int]:
        """The living processes by name and generation."""
        return {key: worker.process.pid for key, worker in self._workers.items() if worker.status is None}

    def close(self, linger_ms: int) -> None:
        """Closes the socket; the lifelines end the workers that are left."""
        self.gate.close()
        self.socket.close(linger=linger_ms)
        for worker in list(self._workers.values()):
            self._remove(worker)

    # --- identities --------------------------------------------------------------------------------------------------

    def _admit(self, route: bytes, message: Message) -> FromWorker | None:
        if not isinstance(message, WorkerHello):
            self._refuse(route, HushdError("unauthorised", "The first message of a worker must be its hello."))
            return None
        worker = self._tokens.pop(message.token, None)
        if worker is None:
            self._refuse(route, HushdError("unauthorised", "The token is not that of a worker being started."))
            return None
        if message.protocol != PROTOCOL:
            text = (
                f"The worker speaks hushd/{message.protocol} ({message.version}) and the supervisor hushd/{PROTOCOL} "
                f"({self._welcome.version}): run `hushd restart`, which starts the supervisor installed here."
            )
            self._refuse(route, HushdError("version_mismatch", text))
            return FromWorker(worker.name, worker.gen, LoadFailed(code="version_mismatch", message=text))
        worker.route = route
        self._routes[route] = worker
        self.send(worker.name, worker.gen, self._welcome)
        return FromWorker(worker.name, worker.gen, message)

    def _out_of_memory(self, worker: _Worker) -> bool:
        """Whether a worker died of SIGKILL and the kernel has killed for want of memory while it lived."""
        if worker.status != -signal.SIGKILL or worker.oom_kills is None:
            return False
        return (self._oom_kills() or 0) > worker.oom_kills

    def _refuse(self, route: bytes, error: HushdError) -> None:
        if not self._strangers:
            self._strangers = True
            self._record(
                "warning",
                f"refused a stranger on the workers' socket, and will refuse others without a line here: {error}",
            )
        try:
            self.socket.send_multipart([route, *pack(Error.of(b"", error))], zmq.NOBLOCK)
        except zmq.ZMQError:
            pass  # the stranger need not read it

    def _remove(self, worker: _Worker) -> None:
        del self._workers[worker.name, worker.gen]
        if worker.route is not None:
            del self._routes[worker.route]
        self._tokens = {token: other for token, other in self._tokens.items() if other is not worker}
        os.close(worker.lifeline)


def _failed(name: str, gen: int, error: Exception) -> SpawnFailed:
    return SpawnFailed(name, gen, str(error), starved=isinstance(error, OSError) and error.errno in _SCARCE)
