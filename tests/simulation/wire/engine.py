"""The engine of a connection: bytes of its descriptor to messages of its session, and back."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulation.kernel import Timer

from . import codec
from .codec import COMMAND, MORE
from .mechanism import MISMATCH, Refused, Status
from .pipe import Message
from .writer import Writer

if TYPE_CHECKING:
    from .session import Session
    from .thread import Thread


class Engine(Writer):
    """Reads and writes a connection for a session, from the greeting on.

    Args:
        endpoint: that of the other side, as the monitor names it.
    """

    listening = False

    def __init__(self, connection: socket.socket, endpoint: str, thread: Thread) -> None:
        super().__init__(connection, thread)
        self.pid = thread.pid
        self._network.parts[self] = None
        self.endpoint = endpoint
        self._greeting: codec.Greeting
        self._introduced = False  # whether the peer has said its routing id, where that is a frame
        self._noted = False  # a look at the descriptor is due
        self._hung_up = False
        self._decoder: codec.Decoder
        self._input_stopped = False
        self._frames: list[bytes] = []  # of a message that is not complete
        self._stuck: tuple[int, bytes] | None = None  # a frame for which there is no room
        self._timers: dict[str, Timer] = {}

    # --- a life ------------------------------------------------------------------------------------------------------

    def plug(self, session: Session) -> None:
        """Begins."""
        self.session = session
        self.options = session.options
        self._greeting = codec.Greeting("NULL", session.owner.number)
        if self.options.handshake_ivl > 0:
            self._set_timer("handshake", self.options.handshake_ivl, self._timeout)
        self._network.watch(self)
        self._registered = True
        self._batch = b"\xff" + (len(self.options.route) + 1).to_bytes(8) + b"\x7f"
        self._output_soon()
        self.readable()

    def unplug(self) -> None:
        """Ends, without a word to anybody."""
        self._over = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._unwatch()
        self.connection.close()
        self._network.parts.pop(self, None)

    def abandon(self) -> None:
        """Closes the connection, as the end of its process does."""
        if not self._over:
            self.unplug()

    def _unwatch(self) -> None:
        if self._registered:
            self._registered = False
            self._network.unwatch(self)

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

    # --- reading -----------------------------------------------------------------------------------------------------

    def readable(self) -> bool:
        """Reads once, and passes on complete messages. Returns False once the engine has ended."""
        if not self._protocol and not self._greet():
            return not self._over
        if self._input_stopped:
            if self._hung_up:
                self._io_error = True  # and all that the kernel still holds is lost
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

    def _greet(self) -> bool:
        """Reads the greeting, and answers it. Returns whether all of it is there."""
        greeting = self._greeting
        while greeting.missing:
            data = self._read(greeting.missing)
            if data is None:
                return False
            if answer := greeting.feed(data):
                self._batch = bytes(self._batch) + answer
                self._output_soon()
        self._output_soon()
        if greeting.protocol < 3:
            return self._speak_old()
        self._encoder, self._decoder = codec.Encoder(), codec.Decoder(self.options.max_size)
        if not greeting.agrees:
            self.session.event("HANDSHAKE_FAILED_PROTOCOL", MISMATCH, self.endpoint)
            self.fail("protocol", errno.EPROTO)
            return False
        self.mechanism = self.session.mechanism()
        self.mechanism.begin()
        self._protocol = 3
        return True

    def _speak_old(self) -> bool:
        """Speaks as peers did before there was a handshake: a routing id, then messages."""
        limit, route = self.options.max_size, self.options.route
        if self._greeting.protocol == 1:
            self._encoder, self._decoder = codec.OldEncoder(), codec.OldDecoder(limit)
        else:
            self._encoder, self._decoder = codec.Encoder(), codec.Decoder(limit)
        introduction = bytearray(self._batch)
        if self._greeting.signed:
            self._encoder.load(introduction, 0, route)
        else:
            self._decoder.feed(bytes(self._greeting.received))
            introduction += route  # its header was the signature
        self._batch = introduction
        self._protocol = self._greeting.protocol
        self.session.engine_ready()
        if not self._decode():
            return False
        self.session.flush()
        return True

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
        if not self.mechanism:
            if self._introduced:
                return self._push(flags, data)
            self._introduced = True
            self.session.introduce(data)
            return True
        if self.mechanism.status is not Status.READY:
            self.mechanism.process(data)
            self.go_on()
            return True
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
            self.session.push(Message(self._frames, self.descriptor if self.mechanism else -1))
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
        """Goes on with the handshake, when the peer has said something."""
        assert self.mechanism
        if self.mechanism.status is Status.READY:
            self._ready()
        if self._output_stopped:
            self.restart_output()

    def _ready(self) -> None:
        if self._established:
            return
        self._established = True
        self._cancel("handshake")
        if self.options.heartbeat_ivl > 0:
            self._set_timer("heartbeat", self.options.heartbeat_ivl, self._ping)
        assert self.mechanism
        self.session.engine_ready()
        self.session.introduce(self.mechanism.peer_route)
        self.session.event("HANDSHAKE_SUCCEEDED", 0, self.endpoint)

    # --- heartbeats --------------------------------------------------------------------------------------------------

    def _ping(self) -> None:
        self._commands.append(codec.command("PING", (self.options.heartbeat_ttl // 100).to_bytes(2)))
        wait = self.options.heartbeat_timeout
        wait = self.options.heartbeat_ivl if wait < 0 else wait
        if "answer" not in self._timers and wait > 0 and not self._input_stopped:
            self._set_timer("answer", wait, self._timeout)
        self.writable()
        if not self._over:
            self._set_timer("heartbeat", self.options.heartbeat_ivl, self._ping)

    def _obey(self, data: bytes) -> None:
        if data[:5] == b"\x04PING" and len(data) >= 7:
            ttl = 100 * int.from_bytes(data[5:7])
            if ttl and "ttl" not in self._timers:
                self._set_timer("ttl", ttl, self._timeout)
            self._commands.append(codec.command("PONG", data[7:23]))
            self.writable()

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
