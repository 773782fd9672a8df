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
            self.process = process
            if fileno is None:
                real = real_socket.socket(real_socket.AF_UNIX, real_socket.SOCK_STREAM)
                fileno = process.give(Endpoint(machine, real))
            self._descriptor = fileno
            self.family, self.type = real_socket.AF_UNIX, real_socket.SOCK_STREAM
            self.proto = protocol

        @property
        def end(self) -> Endpoint:
            if self._descriptor < 0:
                raise fail(errno.EBADF)
            end = self.process.look_up(self._descriptor)
            assert isinstance(end, Endpoint)
            return end

        def fileno(self) -> int:
            return self._descriptor

        def bind(self, where: Any) -> None:
            machine.scheduler.point()
            self.end.real.bind(where)

        def listen(self, backlog: int = 0) -> None:
            self.end.real.listen(backlog)

        def connect(self, where: Any) -> None:
            machine.scheduler.point()
            while True:
                try:
                    self.end.real.connect(where)
                    return
                except BlockingIOError:  # its backlog is full
                    if not self.end.blocking:
                        raise
                    machine.scheduler.wait(lambda: False, 0.2, (self.end,))

        def recv(self, size: int, flags: int = 0) -> bytes:
            machine.scheduler.point()
            return self.end.read(machine.faults.shortened(size, self.process))

        def send(self, data: Any, flags: int = 0) -> int:
            machine.scheduler.point()
            return self.end.write(bytes(data)[: machine.faults.shortened(len(data), self.process)])

        def setblocking(self, blocking: bool) -> None:
            self.end.blocking = blocking

        def detach(self) -> int:
            descriptor, self._descriptor = self._descriptor, -1
            return descriptor

        def close(self) -> None:
            if self._descriptor >= 0:
                self.process.close(self.detach())

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

    def send_fds(one: Socket, buffers: Sequence[bytes], fds: Sequence[int], flags: int = 0) -> int:
        size = one.send(b"".join(buffers))
        for descriptor in fds:
            one.end.pass_on(one.process.look_up(descriptor))
        return size

    def recv_fds(one: Socket, size: int, most: int, flags: int = 0) -> tuple[bytes, list[int], int, None]:
        data, taken = one.recv(size), []
        while one.end.passed and len(taken) < most:
            description = one.end.passed.pop(0)
            taken.append(one.process.give(description))
            description.release()
        return data, taken, 0, None

    return Module("socket", real_socket, socket=Socket, socketpair=socketpair, send_fds=send_fds, recv_fds=recv_fds)
