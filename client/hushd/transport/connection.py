"""The connection to a supervisor: one thread owns the socket, because a ZeroMQ socket belongs to one thread.

A DEALER reconnects silently and would wait for ever, so its monitor is read too: the supervisor's end is noticed
within milliseconds and every call in flight fails with `supervisor_lost`. Nothing here waits longer than the
supervisor lives: one that sends nothing, not even a ping, is given up after `SILENT_TICKS` ticks where it does nothing,
and after `MAX_TICKS` where it works, or waits for its turn, beside other busy programs. In each silent tick it gets a
sign of life: a supervisor that has given us up, because our process stood still, says so when it hears from us.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from collections import deque
from dataclasses import replace

import zmq
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.limits import HIGH_WATER, MAX_WIRE, PROTOCOL
from hushd_protocol.messages import TO_CLIENT, Cancel, Control, Error, Hello, Message, Ping, Pong, Request, Welcome
from hushd_protocol.system.lifeline import Liveness

from .call import Answered, Call
from .waiting import join, wait_until_set

WELCOME_TIMEOUT_S = 1.0  # a living supervisor answers a hello in milliseconds
PING_INTERVAL_S = 2.0  # the interval of the supervisor's pings while we have a request
SILENT_TICKS = 5  # ticks, not seconds: a laptop that slept or a process that was stopped has missed only one
MAX_TICKS = 30
# A wait for the welcome that ends later than this: this process was stopped, or the machine stood still.
STANDSTILL_S = 0.5
HEARTBEAT_MS = 10_000  # milliseconds by which both sides notice that another machine has vanished without a word
CANCEL_LINGER_MS = 200  # milliseconds for the last cancel before we close
# Messages that libzmq's own thread reads while ours waits for a busy program: the supervisor gives up who leaves 1000
# unread, and the reports of their places to a hundred requests in a queue are more than that.
READ_AHEAD = 100_000
# Longer than any process of ours waits. Not -1, which means never: with that, libzmq drops what we have not read when
# the supervisor exits, and up to a third of the last answers was lost.
NEVER_MS = 24 * 3600 * 1000

_MAX_NAME_CHARACTERS = 60  # characters of a program's name

# The connection will not carry another message after any of these.
_LOSS = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_CONNECT_RETRIED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


COMMANDS = "cli"  # the holder of all commands, each of which has a name of its own


def _program(holder: str | None) -> str:
    """Returns the name of this program: its holder's, else as it was started, such as `hushd load` or `notes.py`."""
    if holder not in (None, COMMANDS):
        return str(holder)
    folder, name = os.path.split(sys.argv[0])
    name = os.path.basename(folder) if name == "__main__.py" else name
    name = "python" if name in ("", "-c") else name
    return " ".join([name, *sys.argv[1:2]] if name == "hushd" else [name])[:_MAX_NAME_CHARACTERS]


class Connection:
    """A connection, established by its construction, until it is lost or closed; then make another.

    Args:
        path: of the supervisor's socket.
        place: the name of another machine, to which that socket leads; empty for this one.

    Raises:
        HushdError: `supervisor_lost` when no welcome comes within `patience` seconds, `version_mismatch` when the
            supervisor speaks another protocol, or any other error in answer to the hello.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        holder: str | None = None,
        patience: float = WELCOME_TIMEOUT_S,
        place: str = "",
    ) -> None:
        self.path = os.fspath(path)
        self._place = place
        self._patience = patience
        self._hello = Hello(
            protocol=PROTOCOL, version=__version__, program=_program(holder), holder=holder, pid=os.getpid()
        )
        self._pid = os.getpid()
        self._lock = threading.RLock()  # _lost and the wake-up pipe; reentrant: a collected call may post a cancel
        self._outbox: deque[Message | Answered] = deque()
        self._closing = False
        self._leaving = False  # the supervisor has sent `shutting_down`
        self._lost: HushdError | None = None
        self._over = threading.Event()
        self._welcomed = threading.Event()
        self._calls: dict[bytes, Answered] = {}
        self._liveness: Liveness  # needed while the supervisor is silent
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self.supervisor: Welcome | None = None
        self.borrowed = False  # found by the user's pointer, from an environment without a session folder
        self._thread = threading.Thread(target=self._run, name="hushd-io", daemon=True)
        try:
            self._thread.start()
            wait_until_set(self._welcomed)  # the thread always sets it, after its patience at the latest
        except RuntimeError as error:  # the system allows no more of them
            os.close(self._wake_read)
            os.close(self._wake_write)
            raise HushdError(
                "no_supervisor",
                "The supervisor cannot be reached, since no thread can be started: end other programs, then try again.",
            ) from error
        except BaseException:
            self.close()
            raise
        if self._lost is not None:
            join(self._thread)
            raise self._lost

    # --- for any thread ----------------------------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """True if new requests can be sent. While a supervisor shuts down, only those under way go on."""
        return self._lost is None and not self._leaving

    def leads_to_leaving(self, other: Connection) -> bool:
        """Returns whether `other` has the supervisor of this connection, which has refused a request as it leaves."""
        return self._leaving and _share_supervisor(self, other)

    def left(self, other: Connection) -> None:
        """Sends no more requests to the supervisor of `other`, which has left: its end may be seen later here."""
        self._leaving |= _share_supervisor(self, other)

    @property
    def foreign(self) -> bool:
        """True if this is a copy in a forked child, where neither the thread nor the socket exists."""
        return os.getpid() != self._pid

    def start(self, message: Request | Control) -> Call:
        """Sends a request; returns the call in which its answers arrive. Raises HushdError if the connection is lost,
        or belongs to the parent process."""
        call = Call(message, self.post)
        self.carry(call, message)
        return call

    def carry(self, call: Answered, message: Message) -> None:
        """Sends a message; the I/O thread passes its answers to `call`. Raises as `start` does."""
        if self.foreign:
            raise HushdError("bad_request", "This client was made before a fork: make a new one in the child process.")
        pack(message)  # a message that is too large fails here, not on the I/O thread
        with self._lock:
            if self._lost is not None:
                raise self._lost
            self._outbox += (call, message)
            self._wake()

    def wait_lost(self, timeout: float | None) -> bool:
        """Waits for the supervisor's end; returns whether it came within `timeout` seconds (None: no limit)."""
        return wait_until_set(self._over, math.inf if timeout is None else timeout)

    def close(self) -> None:
        """Closes the connection, which cancels requests under way. Safe to call twice, and in a forked child."""
        if self.foreign:
            return
        try:
            self._request_end()
        except BaseException:  # Ctrl-C: nobody would do it any more
            self._request_end()
            raise
        # The thread was interrupted as it began if it is not alive.
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            join(self._thread, 2 * WELCOME_TIMEOUT_S)

    def _request_end(self) -> None:
        """Has the thread end, once all messages posted so far are sent."""
        with self._lock:
            self._closing = True
            if self._lost is None:
                self._wake()

    def post(self, message: Message) -> None:
        """Sends a message that needs no answer of its own; does nothing once the connection is lost."""
        with self._lock:
            if self._lost is None:
                self._outbox.append(message)
                self._wake()

    def _wake(self) -> None:
        """Wakes the I/O thread; under the lock, and not once the connection is lost: then the pipe is closed."""
        with contextlib.suppress(BlockingIOError):  # full: a wake-up is waiting already
            os.write(self._wake_write, b".")

    # --- the I/O thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        with contextlib.ExitStack() as opened:
            try:
                context = zmq.Context()
                opened.callback(context.term)
                socket = context.socket(zmq.DEALER)
                opened.callback(lambda: socket.close(linger=CANCEL_LINGER_MS if self._closing else 0))
                monitor = socket.get_monitor_socket(_LOSS)
                opened.callback(monitor.close, linger=0)
                opened.callback(socket.disable_monitor)
                socket.setsockopt(zmq.SNDHWM, HIGH_WATER)
                socket.setsockopt(zmq.RCVHWM, READ_AHEAD)
                socket.setsockopt(zmq.MAXMSGSIZE, MAX_WIRE)
                socket.setsockopt(zmq.RECONNECT_IVL, NEVER_MS)
                if self._place:
                    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
                    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_MS)
                    # Time in which the other side must hear from us.
                    socket.setsockopt(zmq.HEARTBEAT_TTL, 2 * HEARTBEAT_MS)
                socket.connect(f"ipc://{self.path}")
                with contextlib.suppress(zmq.Again):  # refused already, as the monitor reports
                    socket.send_multipart(pack(self._hello), zmq.NOBLOCK)
                end = self._serve(socket, monitor)
            except HushdError as error:
                end = error
            except Exception as error:  # any: nobody must wait for a thread that has ended
                why = f"{type(error).__name__}: {reason(error)}"
                end = HushdError("supervisor_lost", f"The connection failed ({why}).")
            self._give_up(end)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _give_up(self, why: HushdError) -> None:
        with self._lock:
            self._lost = why
        waiting = [item for item in self._outbox if not isinstance(item, Message)]
        for call in (*self._calls.values(), *waiting):
            call.end(replace(why))  # its own: an exception gathers the frames of all who raise it
        self._calls.clear()
        self._outbox.clear()
        self._over.set()
        self._welcomed.set()

    def _serve(self, socket: zmq.Socket[bytes], monitor: zmq.Socket[bytes]) -> HushdError:
        """Carries messages until the connection ends; returns the reason."""
        poller = zmq.Poller()
        poller.register(monitor, zmq.POLLIN)
        poller.register(self._wake_read, zmq.POLLIN)
        decoder = Decoder(TO_CLIENT)
        deadline = time.monotonic() + self._patience
        silent = 0
        while True:
            if self.supervisor is None:
                timeout: float | None = max(0.0, deadline - time.monotonic())
            else:
                timeout = PING_INTERVAL_S if self._calls else None
            unsent = self._outbox and self.supervisor is not None  # the supervisor has yet to read what was sent before
            poller.register(socket, zmq.POLLIN | zmq.POLLOUT if unsent else zmq.POLLIN)
            due = math.inf if timeout is None else time.monotonic() + timeout
            events = dict(poller.poll(None if timeout is None else math.ceil(timeout * 1000)))
            if time.monotonic() - due > STANDSTILL_S:  # we stood still, and so perhaps did the supervisor
                deadline = time.monotonic() + self._patience
            if self._wake_read in events:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
            closing = self._closing  # read before the outbox: what was posted before it is still sent
            self._send_outbox(socket)
            if socket in events or monitor in events:  # first what it said before it went
                self._receive(socket, decoder)
                silent = 0
            if monitor in events:
                return HushdError("supervisor_lost", "The supervisor went away: please try again.")
            if closing:
                return HushdError("cancelled", "The client was closed.")
            if self.supervisor is None and time.monotonic() >= deadline:
                return HushdError("supervisor_lost", "The supervisor does not answer: see `hushd logs`.")
            if not events:
                silent += 1
                self._show_life(socket)
                if self._is_given_up(silent):
                    whereabouts = f" at {self._place}" if self._place else ""
                    return HushdError(
                        "supervisor_lost", f"The supervisor{whereabouts} has stopped answering: see `hushd logs`."
                    )

    def _is_given_up(self, silent: int) -> bool:
        """Returns whether to give up a supervisor that was silent for so many ticks."""
        if silent < SILENT_TICKS - 1:
            return False
        if self._place or self.supervisor is None:
            return silent >= SILENT_TICKS
        if silent == SILENT_TICKS - 1:
            self._liveness = Liveness(self.supervisor.pid)
        works = self._liveness.works()
        return silent >= SILENT_TICKS and (not works or silent >= MAX_TICKS)

    def _send_outbox(self, socket: zmq.Socket[bytes]) -> None:
        """Sends the messages posted so far: once there was a welcome, and as long as the queues have room."""
        while self._outbox and self.supervisor is not None and _has_room(socket):
            item = self._outbox.popleft()
            if not isinstance(item, Message):
                self._calls[item.id] = item
                continue
            if isinstance(item, Cancel):
                self._calls.pop(item.id, None)  # its terminal message interests nobody
            self._send(socket, item)

    def _show_life(self, socket: zmq.Socket[bytes]) -> None:
        """Sends a pong; of whom a full queue waits to be read, that says enough."""
        if _has_room(socket):
            self._send(socket, Pong())

    def _send(self, socket: zmq.Socket[bytes], message: Message) -> None:
        socket.send_multipart(pack(message), zmq.NOBLOCK)

    def _receive(self, socket: zmq.Socket[bytes], decoder: Decoder) -> None:
        while True:
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                message = unpack(frames, decoder)
            except HushdError as error:
                if error.code == "unsupported":
                    continue  # a later minor version may say more than we know
                raise HushdError(
                    "protocol_error", f"The supervisor sent what is not hushd/1 ({error.message})"
                ) from error
            self._handle(socket, message)

    def _handle(self, socket: zmq.Socket[bytes], message: Message) -> None:
        if isinstance(message, Ping):
            self._show_life(socket)
        elif isinstance(message, Welcome):
            if message.protocol != PROTOCOL:
                raise HushdError(
                    "version_mismatch",
                    f"The supervisor speaks hushd/{message.protocol} (version {message.version}) and this client "
                    f"hushd/{PROTOCOL} ({__version__}): end it by `kill {message.pid}`, then try again.",
                )
            self.supervisor = message
            self._welcomed.set()
            self._send_outbox(socket)
        elif isinstance(message, Error) and not message.id:
            raise _loss(message)
        elif call := self._calls.get(name := getattr(message, "id", b"")):
            self._leaving |= isinstance(message, Error) and message.code == "shutting_down"
            try:
                over = call.receive(message)
            except HushdError as error:
                call.end(error)
                self._outbox.append(Cancel(id=name))
                over = True
            if over:
                del self._calls[name]  # a call that has asked again by now has another name
                self._send_outbox(socket)


def _has_room(socket: zmq.Socket[bytes]) -> bool:
    return bool(int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLOUT)


def _share_supervisor(connection: Connection, other: Connection) -> bool:
    return bool(connection.supervisor and other.supervisor and connection.supervisor.pid == other.supervisor.pid)


def _loss(error: Error) -> HushdError:
    """Returns the end of a connection by an error without a request: a client given up for its slowness has lost it."""
    lost = error.code == "slow_consumer"
    return HushdError("supervisor_lost", error.message) if lost else error.exception()
