"""Wyoming's protocol, as a client: an event is a line of JSON, further data, and a payload."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from hushd_protocol.errors import HushdError

from .exchange import Broken, Line, first_words, loads

_EVENT_BYTES = 8192  # bytes of sound in an event
_MAX_SERVER_DATA_BYTES = 1_000_000  # bytes of JSON in an event; a list of 174 voices has 80,000


class Event(NamedTuple):
    kind: str
    data: dict[str, Any]
    payload: bytes


def send(line: Line, kind: str, data: Mapping[str, Any], payload: bytes = b"") -> None:
    head = {"type": kind, "data": dict(data)} | ({"payload_length": len(payload)} if payload else {})
    line.send(json.dumps(head).encode() + b"\n" + payload)


def events(line: Line, name: str) -> Iterator[Event]:
    """Yields what the server `name` sends. Raises HushdError for an event that is an error."""
    while True:
        try:
            head = loads(line.line())
            data = dict(head.get("data") or {})
            if length := int(head.get("data_length") or 0):
                data |= loads(line.exactly(length) if length <= _MAX_SERVER_DATA_BYTES else b"")
            payload = line.exactly(int(head.get("payload_length") or 0))
            event = Event(str(head["type"]), data, payload)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise Broken("does not speak Wyoming") from error
        if event.kind == "error":
            raise HushdError(
                "worker_failed", f"The server {name} failed ({first_words(str(data.get('text', '')).encode())})."
            )
        yield event


def voices(line: Line, name: str) -> tuple[str, ...]:
    """Returns the names of the voices that a server says are installed."""
    send(line, "describe", {})
    for event in events(line, name):
        if event.kind == "info":
            every = [voice for program in event.data.get("tts") or () for voice in program.get("voices") or ()]
            return tuple(str(voice["name"]) for voice in every if voice.get("installed", True))
    return ()


def hear(line: Line, name: str, samples: bytes, rate: int, model: str, language: str | None) -> dict[str, Any]:
    """Returns the transcript of 16 bit samples, as whisper's JSON."""
    asked = {"name": model, "language": language}
    send(line, "transcribe", {key: value for key, value in asked.items() if value})
    sound = {"rate": rate, "width": 2, "channels": 1}
    send(line, "audio-start", sound)
    for at in range(0, len(samples), _EVENT_BYTES):
        send(line, "audio-chunk", sound, samples[at : at + _EVENT_BYTES])
    send(line, "audio-stop", {})
    for event in events(line, name):
        if event.kind == "transcript":
            return event.data
    return {}


def speak(line: Line, name: str, text: str, voice: str) -> Iterator[tuple[bytes, int]]:
    """Yields the samples of `text`, 16 bits and mono, and their rate."""
    send(line, "synthesize", {"text": text, **({"voice": {"name": voice}} if voice else {})})
    for event in events(line, name):
        if event.kind == "audio-chunk":
            width, channels, rate = (event.data.get(key) for key in ("width", "channels", "rate"))
            if width != 2 or channels != 1 or not isinstance(rate, int):
                raise Broken("sends sound that is not 16 bits and mono, or without its rate")
            yield event.payload, rate
        elif event.kind == "audio-stop":
            return
