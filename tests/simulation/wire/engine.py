"""The engine of a connection: bytes of its descriptor to messages of its session, and back."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulation.kernel import Timer

from . import codec
from .codec import BATCH, COMMAND, GREETING, MORE, SIGNATURE
from .mechanism import Mechanism, Refused, Status
from .pipe import Message

if TYPE_CHECKING:
    from .session import Session


class Engine:
    """Reads and writes a connection for a session, from the greeting on.

    Args:
        endpoint: that of the other side, as the monitor names it.
    """

    listening = False

    def __init__(self, connection: socket.socket, endpoint: str, pid: int) -> None:
        self.connection = connection
        self.descriptor = connection.fileno()
        self.pid = pid
        self.endpoint = endpoint
        self.session: Session
        self.mechanism: Mechanism | None = None
        self._greeting = bytearray()
        self._shaken = False  # whether both greetings are there,
        self._established = False  # and the handshake is over
        self._over = False
        self._registered = False
        self._noted = False  # a look at the descriptor is due
        self._hung_up = False
        self._decoder: codec.Decoder
        self._encoder = codec.Encoder()
        self._batch: bytes | bytearray | memoryview = b""  # not written yet
        self._blocked = False  # the kernel takes no more
        self._output_stopped = False
        self._input_stopped = False
        self._io_error = False
        self._frames: list[bytes] = []  # of a message that is not complete
        self._stuck: tuple[int, bytes] | None = None  # a frame for which there is no room
        self._outward: list[bytes] = []  # of the message that is being sent
        self._sending: Message | None = None
        self._commands: list[bytes] = []  # heartbeats to be sent first
        self._timers: dict[str, Timer] = {}

    # --- a life ------------------------------------------------------------------------------------------------------

    def plug(self, session: Session) -> None:
        """Begins."""
        self.session = session
        self.options = session.options
        self._decoder = codec.Decoder(self.options.max_size)
        if self.options.handshake_ivl > 0:
            self._set_timer("handshake", self.options.handshake_ivl, self._timeout)
        session.thread.network.watch(self)
        self._registered = True
        self._batch = SIGNATURE[:1] + (len(self.options.route) + 1).to_bytes(8) + SIGNATURE[9:]
        self.readable()

    def unplug(self) -> None:
        """Ends, without a word to anybody."""
        self._over = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._unwatch()
        self.connection.close()

    def abandon(self) -> None:
        """Closes the connection, as the end of its process does."""
        if not self._over:
            self.unplug()

    def peer_address(self) -> bytes:
        """The address of the peer, as an authenticator gets it."""
        return b"127.0.0.1"

    def _unwatch(self) -> None:
        if self._registered:
            self._registered = False
            self.session.thread.network.unwatch(self)

    def note(self, hung_up: bool, writable: bool) -> None:
        """Has the thread look at the descriptor, as epoll reports it."""
        self._hung_up |= hung_up
        if writable and self._blocked:
            self.session.thread.post(self._unblock)
        if not self._noted:
            self._noted = True
            self.session.thread.post(self._look)

    def _look(self) -> None:
        self._noted = False
        if not self._over and not self._io_error:
            self.readable()

    def _unblock(self) -> None:
        if self._blocked and not self._over:
            self._blocked = False
            self.session.thread.network.watch_writable(self, False)
            self.writable()

    # --- reading -----------------------------------------------------------------------------------------------------

    def readable(self) -> bool:
        """Reads once, and passes on complete messages. Returns False once the engine has ended."""
        if not self._shaken and not self._shake():
            return not self._over
        if self._input_stopped:
            if self._hung_up:
                self._io_error = True  # and what the kernel still holds is lost
                self._unwatch()
            return True
        room = self._decoder.room()
        data = self._read(room)
        if data is None:
            return not self._over
        self._decoder.feed(data)
        if not self._decode():
            return False
        self.session.flush()
        if len(data) == room or self._hung_up:
            self.note(False, False)
        return True

    def _read(self, room: int) -> bytes | None:
        try:
            data = self.connection.recv(room)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            self.fail("connection", error.errno or errno.EPIPE)
            return None
        if not data:
            self.fail("connection", errno.EPIPE)
            return None
        return data

    def _shake(self) -> bool:
        """Reads the greeting, and answers it. Returns whether all of it is there."""
        while len(self._greeting) < GREETING:
            data = self._read(GREETING - len(self._greeting))
            if data is None:
                self.writable()
                return False
            before = len(self._greeting)
            self._greeting += data
            if self._greeting[0] != 0xFF or (len(self._greeting) >= 10 and not self._greeting[9] & 1):
                self.fail("protocol", errno.EPROTO)  # a peer of 2011: nobody here speaks that
                return False
            for at, answer in ((10, codec.greeting("")[:1]), (11, codec.greeting(self.options.mechanism)[1:])):
                if before < at <= len(self._greeting):
                    self._batch = bytes(self._batch) + answer
        self._shaken = True
        if self._greeting[12:32].rstrip(b"\0") != self.options.mechanism.encode():
            self.session.event("HANDSHAKE_FAILED_PROTOCOL", 0x11000000, self.endpoint)
            self.fail("protocol", errno.EPROTO)
            return False
        self.mechanism = self.session.mechanism()
        self.mechanism.begin()
        self._output_stopped = False
        self._restart_output()
        return not self._over

    def _decode(self) -> bool:
        """Takes the frames that are complete; returns False once the engine has ended."""
        while True:
            try:
                frame = self._decoder.next()
                if frame is None:
                    return True
                if not self._take(*frame):
                    self._input_stopped = True
                    if self._hung_up:
                        self.note(False, False)
                    return True
            except codec.TooLarge:
                self.fail("protocol", errno.EMSGSIZE)
                return False
            except Refused as refusal:
                if refusal.event:
                    self.session.event(refusal.event, refusal.value, self.endpoint)
                self.fail("protocol", errno.EPROTO)
                return False
            if self._over:
                return False

    def _take(self, flags: int, data: bytes) -> bool:
        """Takes a frame; returns False where there is no room for its message."""
        assert self.mechanism
        if self.mechanism.status is Status.GOING_ON or self.mechanism.status is Status.FAILED:
            if not flags & COMMAND:
                raise Refused
            self.mechanism.process(data)
            self.go_on()
            return True
        flags, data = self.mechanism.decode(flags, data)
        self._cancel("answer")
        self._cancel("ttl")
        if flags & COMMAND:
            self._obey(data)
            return True
        return self._push(flags, data)

    def _push(self, flags: int, data: bytes) -> bool:
        if not self._frames and not self.session.has_room():
            self._stuck = flags, data
            return False
        self._frames.append(data)
        if not flags & MORE:
            assert self.mechanism
            self.session.push(Message(self._frames, self.descriptor, self.mechanism.user))
            self._frames = []
        return True

    def restart_input(self) -> bool:
        """Goes on reading once there is room. Returns False once the engine has ended."""
        if not self._input_stopped or self._stuck is None:
            return True
        stuck, self._stuck = self._stuck, None
        if not self._push(*stuck):
            self.session.flush()
            return True
        self._input_stopped = False
        if not self._decode():
            return False
        self.session.flush()
        if self._input_stopped:
            return True
        if self._io_error:
            self.fail("connection", errno.EPIPE)
            return False
        return self.readable()

    # --- the handshake -----------------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Goes on with the handshake, when the peer or the authenticator has said something. Raises Refused."""
        assert self.mechanism
        if self.mechanism.status is Status.READY:
            self._ready()
        elif self.mechanism.status is Status.FAILED:
            raise Refused
        self._restart_output()

    def _ready(self) -> None:
        if self._established:
            return
        self._established = True
        self._cancel("handshake")
        if self.options.heartbeat_ivl > 0:
            self._set_timer("heartbeat", self.options.heartbeat_ivl, self._ping)
        assert self.mechanism
        self.session.engine_ready(self.mechanism.peer_route)
        self.session.event("HANDSHAKE_SUCCEEDED", 0, self.endpoint)

    # --- writing -----------------------------------------------------------------------------------------------------

    def _restart_output(self) -> None:
        self._output_stopped = False
        self.writable()

    def restart_output(self) -> None:
        """Goes on writing: there is something to be sent."""
        if not self._io_error and self._shaken:
            self._restart_output()

    def writable(self) -> None:
        """Writes what there is, until the kernel takes no more."""
        while not (self._blocked or self._over):
            if not self._batch and not self._fill():
                self._output_stopped = True
                return
            if not self._write():
                return

    def _fill(self) -> bool:
        """Prepares a batch; returns whether there is anything to be sent."""
        if not self._shaken or self.mechanism is None:
            return False
        batch = self._encoder.begin()
        while len(batch) < BATCH and (frame := self._next()) is not None:
            self._encoder.load(batch, *frame)
        self._batch = batch
        return bool(batch)

    def _next(self) -> tuple[int, bytes] | None:
        mechanism = self.mechanism
        assert mechanism
        if mechanism.status is not Status.READY:
            data = mechanism.next()
            if data is not None:
                return COMMAND, data
            if mechanism.status is not Status.READY:
                return None
        self._ready()
        if self._commands:
            return mechanism.encode(COMMAND, self._commands.pop(0))
        if not self._outward:
            self._sending = self.session.pull()
            if self._sending is None:
                return None
            self._outward = self._sending.frames[::-1]
        data = self._outward.pop()
        if not self._outward:
            assert self._sending
            self.session.count(self._sending)
            self._sending = None
        return mechanism.encode(MORE if self._outward else 0, data)

    def _write(self) -> bool:
        """Writes the batch; returns whether all of it was taken."""
        try:
            size = self.connection.send(self._batch)
        except (BlockingIOError, InterruptedError):
            size = 0
        except OSError:
            self._blocked = True  # until reading tells of the end
            return False
        if size == len(self._batch):
            self._batch = b""
            return True
        self._batch = memoryview(self._batch)[size:]
        self._blocked = True
        self.session.thread.network.watch_writable(self, True)
        return False

    # --- heartbeats --------------------------------------------------------------------------------------------------

    def _ping(self) -> None:
        self._commands.append(codec.command("PING", (self.options.heartbeat_ttl // 100).to_bytes(2)))
        wait = self.options.heartbeat_timeout
        wait = self.options.heartbeat_ivl if wait < 0 else wait
        if "answer" not in self._timers and wait > 0 and not self._input_stopped:
            self._set_timer("answer", wait, self._timeout)
        self._restart_output()
        if not self._over:
            self._set_timer("heartbeat", self.options.heartbeat_ivl, self._ping)

    def _obey(self, data: bytes) -> None:
        if data[:5] == b"\x04PING" and len(data) >= 7:
            ttl = 100 * int.from_bytes(data[5:7])
            if ttl and "ttl" not in self._timers:
                self._set_timer("ttl", ttl, self._timeout)
            self._commands.append(codec.command("PONG", data[7:23]))
            self._restart_output()

    # --- the end -----------------------------------------------------------------------------------------------------

    def _timeout(self) -> None:
        self.fail("timeout", errno.ETIMEDOUT)

    def fail(self, reason: str, number: int) -> None:
        """Ends the connection: the monitor hears of it, and the session decides what follows."""
        if self._over:
            return
        self._over = True
        handshaking = self.mechanism is None or self.mechanism.status is Status.GOING_ON
        if reason != "protocol" and handshaking:
            self.session.event("HANDSHAKE_FAILED_NO_DETAIL", number, self.endpoint)
        self.session.event("DISCONNECTED", self.descriptor, self.endpoint)
        self.session.flush()
        self.session.engine_failed(reason)
        self.unplug()

    def _set_timer(self, name: str, milliseconds: int, call: Callable[[], None]) -> None:
        def due() -> None:
            if not self._over and self._timers.pop(name, None):
                call()

        self._timers[name] = self.session.thread.later(milliseconds / 1000, due)

    def _cancel(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()
