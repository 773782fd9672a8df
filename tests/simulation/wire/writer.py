"""The writing half of a connection's engine: messages to batches of bytes, and these to the kernel."""

from __future__ import annotations

import fcntl
import socket
import struct
from typing import TYPE_CHECKING

from . import codec
from .codec import BATCH, COMMAND, MORE
from .mechanism import Mechanism, Status
from .pipe import Message

if TYPE_CHECKING:
    from .session import Session
    from .thread import Thread

_QUEUED = 0x5411  # SIOCOUTQ: bytes of memory that a peer has not read
_PART = 4  # the kernel calls a connection writable below this part of its buffer
_OVERHEAD = 5000  # bytes that a write takes beyond its own, at most


class Writer:
    """Writes a connection as libzmq does: once for each time that the kernel calls it writable."""

    def __init__(self, connection: socket.socket, thread: Thread) -> None:
        self.connection = connection
        self.descriptor = connection.fileno()
        self._network = thread.network
        self.session: Session
        self.mechanism: Mechanism | None = None
        self._protocol = 0  # once both greetings are there
        self._established = False
        self._over = False
        self._registered = False
        self._io_error = False
        self._encoder: codec.Encoder
        self._batch: bytes | bytearray | memoryview = b""  # not written yet
        self._room = 0  # in the kernel's buffer, at least
        self._buffer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // _PART
        self._blocked = False  # the kernel takes no more
        self._output_due = False
        self._output_stopped = False
        self._outward: list[bytes] = []  # of the message that is being sent
        self._sending: Message | None = None
        self._commands: list[bytes] = []  # heartbeats to be sent first

    def _ready(self) -> None:
        """Notes that the handshake is over."""
        raise NotImplementedError

    # --- writing -----------------------------------------------------------------------------------------------------

    def _output_soon(self) -> None:
        """Has the thread write when it next looks at the descriptor."""
        if not self._output_due:
            self._output_due = True
            self.session.thread.post(self._output)

    def _output(self) -> None:
        self._output_due = False
        if not self._over and not self._io_error:
            self.writable()

    def _unblock(self) -> None:
        if self._blocked and self._registered:
            self._blocked = False
            self._room = 0
            self._network.watch_writable(self.descriptor, False)
            self.writable()

    def restart_output(self) -> None:
        """Goes on writing: there is something to be sent."""
        if self._io_error or not self._protocol:
            return
        self._output_stopped = False
        if self._blocked:  # tries it nevertheless
            self._unblock()
        else:
            self.writable()

    def writable(self) -> None:
        """Writes while the kernel calls the connection writable."""
        while True:
            if not self._batch and not self._fill():
                self._output_stopped = bool(self._protocol)
                return
            if not self._write() or not self._is_writable():
                self._block()
                return

    def _fill(self) -> bool:
        """Prepares a batch; returns whether there is anything to be sent."""
        if not self._protocol:
            return False
        batch = self._encoder.begin()
        while len(batch) < BATCH and (frame := self._next()) is not None:
            self._encoder.load(batch, *frame)
        self._batch = batch
        return bool(batch)

    def _next(self) -> tuple[int, bytes] | None:
        mechanism = self.mechanism
        if mechanism and not self._established:
            if mechanism.status is not Status.READY:
                data = mechanism.next()
                return None if data is None else (COMMAND, data)
            self._ready()
        if self._commands:
            flags, data = COMMAND, self._commands.pop(0)
        else:
            if not self._outward:
                self._sending = self.session.pull()
                if self._sending is None:
                    return None
                self._outward = self._sending.frames[::-1]
            data = self._outward.pop()
            flags = MORE if self._outward else 0
            if not flags:
                assert self._sending
                self.session.count(self._sending)
                self._sending = None
        return flags, data

    def _write(self) -> bool:
        """Writes the batch; returns whether all of it was taken."""
        try:
            size = self.connection.send(self._batch)
        except (BlockingIOError, InterruptedError):
            size = 0
        except OSError:
            return False  # reading will tell of the end
        self._room -= size + _OVERHEAD
        self._batch = self._batch[size:] if isinstance(self._batch, memoryview) else memoryview(self._batch)[size:]
        return not self._batch

    def _is_writable(self) -> bool:
        if self._room <= 0:
            (queued,) = struct.unpack("i", fcntl.ioctl(self.descriptor, _QUEUED, bytes(4)))
            self._room = self._buffer - queued
        return self._room >= 0

    def _block(self) -> None:
        if not self._blocked and self._registered:
            self._blocked = True
            self._network.watch_writable(self.descriptor, True)
