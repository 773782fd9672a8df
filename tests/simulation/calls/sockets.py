"""`socket`: Unix stream sockets, real ones that never wait."""

from __future__ import annotations

import errno
import socket as real_socket
from types import ModuleType
from typing import Any

from ..descriptors import Endpoint, fail
from ..machine import Machine
from .module import Module


def socket_module(machine: Machine) -> ModuleType:
    class Socket:
        """A Unix stream socket."""

        def __init__(
            self, family: int = real_socket.AF_UNIX, kind: int = 1, protocol: int = 0, fileno: int | None = None
        ):
            process = machine.current
            assert process
            if fileno is None and family != real_socket.AF_UNIX:
                raise fail(errno.EAFNOSUPPORT)
            self.family, self.type = family, kind
            self._process = process
            if fileno is None:
                fileno = process.give(Endpoint(machine, real_socket.socket(family, kind, protocol)))
            self._descriptor = fileno

        @property
        def _end(self) -> Endpoint:
            end = self._process.look_up(self._descriptor)
            assert isinstance(end, Endpoint)
            return end

        def fileno(self) -> int:
            return self._descriptor

        def bind(self, path: Any) -> None:
            machine.scheduler.point()
            self._end.real.bind(path)

        def listen(self, backlog: int = 0) -> None:
            self._end.real.listen(backlog)

        def connect(self, path: Any) -> None:
            machine.scheduler.point()
            self._end.real.connect(path)

        def accept(self) -> tuple[Socket, str]:
            return Socket(fileno=self._process.give(self._end.accept())), ""

        def recv(self, size: int, flags: int = 0) -> bytes:
            return self._end.read(size)

        def send(self, data: bytes, flags: int = 0) -> int:
            return self._end.write(data)

        def sendall(self, data: bytes, flags: int = 0) -> None:
            self._end.write(data)

        def shutdown(self, how: int) -> None:
            self._end.real.shutdown(how)

        def setblocking(self, blocking: bool) -> None:
            self._end.blocking = blocking

        def settimeout(self, seconds: float | None) -> None:
            self._end.blocking = seconds is None

        def setsockopt(self, *_: Any) -> None:
            pass

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

    return Module("socket", real_socket, socket=Socket)
