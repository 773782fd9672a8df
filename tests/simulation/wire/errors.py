"""The errors of the simulated pyzmq."""

from __future__ import annotations

import errno
import os

import zmq


class ZMQError(Exception):
    """An error of the simulated libzmq."""

    def __init__(self, number: int | None = None, text: str | None = None) -> None:
        self.errno = number
        self.strerror = text or os.strerror(number or 0)
        super().__init__(self.strerror)


class Again(ZMQError):
    """It would have to wait."""

    def __init__(self, number: int = errno.EAGAIN, text: str | None = None) -> None:
        super().__init__(number, text)


class ContextTerminated(ZMQError):
    """The context has ended."""

    def __init__(self, number: int = int(zmq.ETERM), text: str | None = None) -> None:
        super().__init__(number, text)
