"""`socket`: Unix stream sockets, real ones that never wait."""

from __future__ import annotations

import errno
import socket as real_socket
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from ..descriptors import Endpoint, fail
from ..importer import Module
from ..machine import Machine


def socket_module(machine: Machine) -> ModuleType:
    class Socket:
        def __init__(
            self, family: int = real_socket.AF_UNIX, kind: int = 1, protocol: int = 0, fileno: int | None = None
        ):
            process = machine.current
            assert process
            if fileno is None and family != real_socket.AF_UNIX:
                raise fail(errno.EAFNOSUPPORT)
            self._process = process
            if fileno is None:
                real = real_socket.socket(real_socket.AF_UNIX, real_socket.SOCK_STREAM)
                fileno = process.give(Endpoint(machine, real))
            self._descriptor = fileno
            self.family, self.type = real_socket.AF_UNIX, real_socket.SOCK_STREAM
            self.proto = protocol

        @property
        def _end(self) -> Endpoint:
            if self._descriptor < 0:
                raise fail(errno.EBADF)
            end = self._process.look_up(self._descriptor)
            assert isinstance(end, Endpoint)
            return end

        def fileno(self) -> int:
            return self._descriptor

        def bind(self, where: Any) -> None:
            machine.scheduler.point()
            self._end.real.bind(where)

        def listen(self, backlog: int = 0) -> None:
            self._end.real.listen(backlog)

        def connect(self, where: Any) -> None:
            machine.scheduler.point()
            while True:
                try:
                    self._end.real.connect(where)
                    return
                except BlockingIOError:  # its backlog is full
                    if not self._end.blocking:
                        raise
                    machine.scheduler.wait(lambda: False, 0.2, (self._end,))

        def recv(self, size: int, flags: int = 0) -> bytes:
            machine.scheduler.point()
            return self._end.read(machine.faults.shortened(size, self._process))

        def send(self, data: Any, flags: int = 0) -> int:
            machine.scheduler.point()
            return self._end.write(bytes(data)[: machine.faults.shortened(len(data), self._process)])

        def setblocking(self, blocking: bool) -> None:
            self._end.blocking = blocking

        def detach(self) -> int:
            descriptor, self._descriptor = self._descriptor, -1
            return descriptor

        def close(self) -> None:
            if self._descriptor >= 0:
                self._process.close(self.detach())

        def __enter__(self) -> Socket:
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

    def socketpair(
        family: int = real_socket.AF_UNIX, kind: int = real_socket.SOCK_STREAM, protocol: int = 0
    ) -> tuple[Socket, Socket]:
        process = machine.current
        assert process
        first, second = (Endpoint(machine, real) for real in real_socket.socketpair(family, kind, protocol))
        first.peer, second.peer = second, first
        one, other = (Socket(fileno=process.give(end)) for end in (first, second))
        return one, other

    def send_fds(end: Socket, buffers: Sequence[bytes], fds: Sequence[int], flags: int = 0) -> int:
        size = end.send(b"".join(buffers))
        for descriptor in fds:
            end._end.pass_on(end._process.look_up(descriptor))
        return size

    def recv_fds(end: Socket, size: int, most: int, flags: int = 0) -> tuple[bytes, list[int], int, None]:
        data, taken = end.recv(size), []
        while end._end.passed and len(taken) < most:
            description = end._end.passed.pop(0)
            taken.append(end._process.give(description))
            description.release()
        return data, taken, 0, None

    return Module("socket", real_socket, socket=Socket, socketpair=socketpair, send_fds=send_fds, recv_fds=recv_fds)
