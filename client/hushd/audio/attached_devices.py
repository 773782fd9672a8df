"""The devices of a machine that has attached itself to this one: their names, and its microphone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Control, Credit, Error, Message, Request, Result

from hushd.transport.call import new_id
from hushd.transport.link import Link

from .devices import Device, Kind

WORKER = "devices"  # of requests for a loudspeaker or a microphone
CREDIT = 64  # chunks of a recording under way
LATENCY_S = 0.05  # of a microphone there


def listed(link: Link, kind: Kind) -> list[Device]:
    """The loudspeakers or microphones there. Raises HushdError `no_device`."""
    connection = link.connect()
    rows = connection.start(Control(id=new_id(), action="devices", names=[kind])).result().data["devices"]
    return [Device(*row) for row in rows]


class AttachedInput:
    """A microphone there, recorded from the construction on, in the place of a stream of sounddevice's. While the floor
    is not ours it gives silence.

    Args:
        callback: as sounddevice calls it.
        on_end: called when the recording has ended by itself, with the reason.
    """

    latency = LATENCY_S

    def __init__(
        self,
        link: Link,
        device: str | int | None,
        rate: int,
        chunk_s: float,
        callback: Callable[[bytes, int, Any, Any], None],
        on_end: Callable[[BaseException], None],
    ) -> None:
        self.id = new_id()
        self._callback = callback
        self._on_end = on_end
        self._closed = False
        self._connection = link.connect()
        params = {"rate": rate, "chunk_s": chunk_s, "device": device}
        request = Request(id=self.id, worker=WORKER, op="record", params=params, input="none", credit=CREDIT)
        self._connection.carry(self, request)

    def close(self) -> None:
        """Ends the recording. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._connection.post(Control(id=new_id(), action="hush", names=[self.id.hex()]))

    def receive(self, message: Message) -> bool:
        """See `hushd.transport.call.Answered`."""
        if isinstance(message, Chunk):
            if not self._closed:
                self._callback(message.payload, len(message.payload) // 2, None, None)
                self._connection.post(Credit(id=self.id, chunks=1))
        elif isinstance(message, Error):
            self.end(message.exception())
        return isinstance(message, Error | Result)

    def end(self, error: BaseException | None = None) -> None:
        """See `hushd.transport.call.Answered`."""
        if not self._closed:
            self._on_end(error or HushdError("no_device", "The microphone has been closed where it is."))
