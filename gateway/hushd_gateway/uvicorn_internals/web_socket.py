"""WebSockets on upgraded HTTP connections: bounded in memory, and ended with a code and a reason."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto import events
from wsproto.connection import ConnectionState
from wsproto.utilities import LocalProtocolError

from ..http.errors import ApiError
from ..patience import STEPS
from .state import PONG_S, Patient, State

PIECE = 4096  # bytes parsed at once: at most a hundred messages
MESSAGE = 8 * 1024 * 1024  # bytes: two minutes of sound
UNFINISHED = 16 * 1024 * 1024  # bytes of incomplete messages, of all connections together
WIDE = 1024 * 1024  # bytes of a message with other characters than ASCII: one wide character quadruples a text
REASON = 120  # bytes of the reason in a Close
TOO_LARGE, COME_AGAIN = 1009, 1013
LINGER_S = 5.0  # for a program to read the reason of the end
_REFUSAL = ApiError(503, "hushd cannot begin a session now: ask again in a moment.", code="server_busy", retry_after=1)


class _Message:
    """Collects the parts of a message; replaces uvicorn's buffer, which keeps texts as characters."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.is_ascii = True
        self._is_text = False

    @property
    def length(self) -> int:
        return len(self.data)

    def extend(self, event: events.TextMessage | events.BytesMessage) -> None:
        self._is_text = isinstance(event, events.TextMessage)
        self.is_ascii = self.is_ascii and event.data.isascii()
        self.data += event.data.encode() if isinstance(event, events.TextMessage) else event.data

    def clear(self) -> None:
        self.data = bytearray()
        self.is_ascii = True

    def to_message(self) -> dict[str, Any]:
        content = {"text": self.data.decode()} if self._is_text else {"bytes": bytes(self.data)}
        return {"type": "websocket.receive", **content}


class WebSocket(Patient, WSProtocol):
    """A connection after its upgrade.

    It parses one piece of the data, and no more until the messages are handled and the answers sent: so neither small
    messages nor pings of a program that reads nothing pile up.
    """

    def __init__(self, config: uvicorn.Config, server_state: State, **options: Any) -> None:
        super().__init__(config, server_state, **options)
        self.server_state: State = server_state
        self.buffer: Any = _Message()
        self._in_hand = 0  # bytes of the message being handled
        self._unparsed = b""  # received, but not parsed
        self._soon: asyncio.Handle | None = None  # the next parse
        self._ending = False
        self._unanswered = 0  # steps of `PONG_S` since a ping

    def data_received(self, data: bytes) -> None:
        if not self._ending:  # else dropped
            self._unparsed += data
            if self._soon is None:
                self._look()

    def _look(self) -> None:
        """Parses a piece of the received data."""
        self._soon = None
        if self._is_free():
            piece, self._unparsed = self._unparsed[:PIECE], self._unparsed[PIECE:]
            super().data_received(piece)
        self._weigh()
        self._go_on()

    def _is_free(self) -> bool:
        """Returns whether nothing waits to be handled or sent."""
        return not self.read_paused and self.writable.is_set() and not self._ending

    def _go_on(self) -> None:
        """Schedules the next piece for another turn of the loop; reads more once there is none."""
        if self._ending:
            return
        if self._is_free() and not self._unparsed:
            self.transport.resume_reading()
            return
        self.transport.pause_reading()
        if self._is_free() and self._soon is None:
            self._soon = self.loop.call_soon(self._look)

    def _weigh(self) -> None:
        """Ends the connections with the largest incomplete messages until the others fit."""
        sizes = self.server_state.unfinished
        if size := 0 if self._ending else self._in_hand + self.buffer.length + len(self._unparsed):
            sizes[self] = size
        else:
            sizes.pop(self, None)
        while sum(sizes.values()) > UNFINISHED:
            largest = max(sizes, key=sizes.__getitem__)
            del sizes[largest]
            largest.end(COME_AGAIN, "Too many large messages arrive at once: send smaller ones.")

    async def receive(self) -> Any:
        self._in_hand = 0
        message = await super().receive()
        self._go_on()
        await asyncio.sleep(0)  # else a program's many messages are handled in one turn
        return message

    def pause_writing(self) -> None:
        super().pause_writing()
        self._go_on()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._go_on()

    def handle_ping(self, event: events.Ping) -> None:
        if not self.transport.is_closing():  # asyncio logs each write to a closing transport
            super().handle_ping(event)

    def send_keepalive_ping(self) -> None:
        self._unanswered = 0
        super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        """Ends a connection whose program has not answered a ping, after a step in which this process could read."""
        self._unanswered = self._unanswered + 1 if self._is_free() and not self._unparsed else 0
        if self._unanswered < STEPS:
            self.pong_timer = self.loop.call_later(PONG_S / STEPS, self.keepalive_timeout)
        else:
            super().keepalive_timeout()

    def handle_message(self, event: events.TextMessage | events.BytesMessage) -> None:
        if self._ending:
            return
        size = self.buffer.length + len(event.data)
        if size > (MESSAGE if self.buffer.is_ascii and event.data.isascii() else WIDE):
            self.end(
                TOO_LARGE,
                f"A message has at most {MESSAGE // 2**20} MB of ASCII, or {WIDE // 2**20} MB with other characters.",
            )
            return
        super().handle_message(event)
        if event.message_finished:
            self._in_hand += size

    def handle_close(self, event: events.CloseConnection) -> None:
        if self.conn.state is ConnectionState.OPEN:  # the program sent no Close, but an invalid frame
            self.end(event.code, event.reason or "")
        else:
            super().handle_close(event)

    def send_500_response(self) -> None:
        """Refuses an upgrade so that OpenAI's clients understand it, mostly since the gateway is ending."""
        if not self.response_started and not self.handshake_complete:
            self.response_started = True
            answer = _REFUSAL.response()
            head = events.RejectConnection(answer.status_code, list(answer.raw_headers), has_body=True)
            self.transport.write(self.conn.send(head) + self.conn.send(events.RejectData(bytes(answer.body))))

    def end(self, code: int, reason: str) -> None:
        """Ends the connection with `code`. Further data is read and dropped: left unread, it would discard the
        Close."""
        if self._ending or self.transport.is_closing():
            return
        self._ending = self.close_sent = True
        self._unparsed = b""
        self.buffer.clear()
        self._weigh()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        try:
            self.transport.write(self.conn.send(events.CloseConnection(code, reason[:REASON])))
        except LocalProtocolError:  # before the upgrade, or after a Close
            self.transport.close()
            return
        self.transport.write_eof()
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._ending, self._unparsed = True, b""
        self.buffer.clear()
        self._weigh()
        self.server_state.end(self.transport).set_result(None)
