"""A realtime session that transcribes a recording, as a program of OpenAI's API holds it."""

from __future__ import annotations

import base64
import io
import json
import socket
import wave
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .outcome import NOTHING_TO_HEAR, Refused

if TYPE_CHECKING:
    from wsproto import WSConnection

PATH = "/v1/realtime?intent=transcription"
PATIENCE_S = 300.0
PIECE = 64 * 1024  # bytes received at once
SOUND = 256 * 1024  # bytes of sound in an event
_COMPLETED = "conversation.item.input_audio_transcription.completed"


def transcribe(host: str, port: int, headers: Mapping[str, str], sound: bytes) -> str:
    """Returns the transcript of `sound`, a WAV file of 16 bits.

    Raises:
        Refused: by an event `error`, or before the session.
        OSError: the connection broke off.
    """
    if not sound:
        raise Refused("", NOTHING_TO_HEAR)
    with socket.create_connection((host, port), timeout=PATIENCE_S) as connection:
        session = _Session(connection, f"{host}:{port}", headers)
        for event in _asked(sound):
            session.send(event)
        for event in session.events():
            if event["type"] == "error":
                raise Refused(str(event["error"].get("code")), str(event["error"]["message"]))
            if event["type"] == _COMPLETED:
                return str(event["transcript"])
    raise ConnectionError("the session has ended")


def _asked(sound: bytes) -> Iterator[dict[str, Any]]:
    """Yields the events of a program that sends a WAV file and commits it."""
    with wave.open(io.BytesIO(sound)) as file:
        form = {"type": "audio/pcm", "rate": file.getframerate()}
        samples = file.readframes(2**30)
    heard = {"format": form, "turn_detection": None, "transcription": {"model": "gpt-4o-transcribe"}}
    yield {"type": "session.update", "session": {"type": "transcription", "audio": {"input": heard}}}
    for start in range(0, len(samples), SOUND):
        piece = base64.b64encode(samples[start : start + SOUND]).decode()
        yield {"type": "input_audio_buffer.append", "audio": piece}
    yield {"type": "input_audio_buffer.commit"}


class _Session:
    """A WebSocket's client.

    Raises:
        Refused: the server answers the handshake with another status.
    """

    def __init__(self, connection: socket.socket, host: str, headers: Mapping[str, str]) -> None:
        from wsproto import ConnectionType, WSConnection
        from wsproto.events import AcceptConnection, Request

        self._connection = connection
        self._state: WSConnection = WSConnection(ConnectionType.CLIENT)
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        connection.sendall(self._state.send(Request(host, PATH, extra_headers=encoded)))
        if not isinstance(next(self._received()), AcceptConnection):
            raise Refused("", "the session was refused")

    def send(self, event: dict[str, Any]) -> None:
        """Sends an event."""
        from wsproto.events import TextMessage

        self._connection.sendall(self._state.send(TextMessage(json.dumps(event))))

    def events(self) -> Iterator[dict[str, Any]]:
        """Yields the server's events until it ends the session."""
        from wsproto.events import CloseConnection, Ping, TextMessage

        text = ""
        for message in self._received():
            if isinstance(message, TextMessage):
                text += message.data
                if message.message_finished:
                    yield json.loads(text)
                    text = ""
            elif isinstance(message, Ping):
                self._connection.sendall(self._state.send(message.response()))
            elif isinstance(message, CloseConnection):
                return

    def _received(self) -> Iterator[Any]:
        while data := self._connection.recv(PIECE):
            self._state.receive_data(data)
            yield from self._state.events()
        raise ConnectionError("the server has closed the connection")
