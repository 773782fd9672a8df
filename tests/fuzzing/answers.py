"""Answers of speech servers, in HTTP and in Wyoming: sound and text with damage."""

from __future__ import annotations

import io
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np
import soundfile
from hushd_protocol.errors import HushdError
from hushd_schema import server_file
from hushd_worker.server import process
from hushd_worker_stt.engine import Options
from hushd_worker_stt.engines import server as hears
from hushd_worker_tts.engine import Voice
from hushd_worker_tts.engines import server as speaks

from .claims import sentence
from .mutate import Feed, altered, damaged

_WORDS = [{"word": "a", "start": 0.0, "end": 0.1, "probability": 0.5}]
_SEGMENT = {"start": 0.0, "end": 1.0, "text": "a", "words": _WORDS}
_TRANSCRIPT = {"text": "a", "language": "en", "segments": [_SEGMENT], "words": _WORDS}
_TONE = (np.sin(np.arange(4000) * 0.2) * 9000).astype("<i2")
_VOICE = Voice("mine", "en-US", "", "mine", True, "", 160)


class _Answering(process.ServerProcess):
    """A server whose every answer is given."""

    answer = b""

    def _connect(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.sendall(self.answer)
            theirs.shutdown(socket.SHUT_WR)
            self.kept = os.dup(theirs.fileno())  # or what we send would be refused
        return ours


def _http(body: bytes, kind: str, chunked: bool) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n".encode()
    if chunked:
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def _event(kind: str, data: dict[str, Any], payload: bytes = b"") -> bytes:
    return json.dumps({"type": kind, "data": data, "payload_length": len(payload)}).encode() + b"\n" + payload


def _sounds() -> Iterator[bytes]:
    yield _http(_TONE.tobytes(), "audio/pcm;rate=8000", False)
    for form in ("WAV", "FLAC", "OGG", "MP3"):
        sink = io.BytesIO()
        soundfile.write(sink, _TONE, 8000, format=form)
        yield from (_http(sink.getvalue(), "audio/x", chunked) for chunked in (True, False))


@contextmanager
def answers(folder: Path) -> Iterator[Feed]:
    """Answers those who asked for speech, and for a transcript."""
    http = server_file.read("mine", {"run": ["x", "{port}"], "like": "openai", "words": True})
    wyoming = server_file.read("mine", {"run": ["x", "{port}"], "like": "wyoming"})
    speaker, hearer, files = speaks.SpeechServer("mine"), hears.TranscriptionServer(), list(_sounds())
    speech = _event("audio-chunk", {"rate": 8000, "width": 2, "channels": 1}, _TONE.tobytes()) + _event(
        "audio-stop", {}
    )

    def feed(rng: Random) -> None:
        file = rng.choice((http, wyoming))
        server = _Answering(file)
        if rng.random() < 0.5:
            server.answer = rng.choice(files) if file is http else speech
            act = partial(speaker.synthesize, "Hello.", _VOICE, 1.0)
        else:
            said = altered(rng, _TRANSCRIPT)
            body = json.dumps(said).encode()
            server.answer = _http(body, "application/json", False) if file is http else _event("transcript", said)
            act = partial(hearer.transcribe, np.zeros(16_000, np.float32), Options(word_times=True))
        if rng.random() < 0.7:
            server.answer = damaged(rng, server.answer)
        speaker._file = hearer._file = file
        speaker._server = hearer._server = server
        try:
            assert all(each is not None for each in act())
        except HushdError as error:
            sentence(error.message)
        finally:
            os.close(server.kept)

    with mock.patch.object(process, "_DEATH_S", 0.0):
        yield feed
