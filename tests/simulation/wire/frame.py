"""Frames that were received with `copy=False`."""

from __future__ import annotations

import errno

import zmq

from .errors import ZMQError
from .pipe import Message


class Frame:
    """A frame that was received with `copy=False`."""

    def __init__(self, data: bytes, message: Message, more: bool) -> None:
        self.bytes = self.buffer = data
        self.more = more
        self._message = message

    def __len__(self) -> int:
        return len(self.bytes)

    def get(self, option: int) -> int:
        """Raises ZMQError for a fact that is not known of the connection."""
        if option == zmq.MORE:
            return int(self.more)
        if option == zmq.SRCFD and self._message.descriptor >= 0:
            return self._message.descriptor
        raise ZMQError(errno.EINVAL)
