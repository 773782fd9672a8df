"""A speech in a notebook: a player with all of its sound."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from typing import cast

import numpy as np
import pytest
import soundfile
from hushd.synthesis.speech import Speech
from hushd.transport.retry import RetryingCall
from hushd.transport.steps import Steps
from hushd_protocol.messages import Chunk, Message, Result

TONE = (9000 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype("<i2")


class Answer:
    """The answer to a request for speech, which has come already."""

    def __init__(self, *pieces: tuple[bytes, int | None], channels: int = 1) -> None:
        self.messages: list[Message] = [
            Chunk(id=b"", seq=number, payload=data, offset=offset, rate=24_000, channels=channels)
            for number, (data, offset) in enumerate(pieces)
        ]
        self.messages.append(Result(id=b"", data={"duration": 1.0, "rate": 24_000, "voice": "anna"}))

    def receive(self) -> Steps[Message | None]:
        yield from ()
        return self.messages.pop(0) if self.messages else None


def call(*pieces: tuple[bytes, int | None], channels: int = 1) -> RetryingCall:
    return cast("RetryingCall", Answer(*pieces, channels=channels))


def sound(html: str | None) -> tuple[str, bytes]:
    """The type and the bytes that a page would play."""
    found = re.fullmatch(r'<audio controls src="data:([a-z/]+);base64,([A-Za-z0-9+/=]+)"></audio>', html or "")
    assert found, html
    return found[1], b64decode(found[2])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("begun", [False, True])
def test_raw_speech_is_a_wav(channels: int, begun: bool) -> None:
    """All of it, from its beginning, also after it was iterated over; and it can be used afterwards."""
    data = np.repeat(TONE, channels).tobytes()
    speech = Speech(call((data[:4000], None), (data[4000:], None), channels=channels))
    if begun:
        next(speech)
    kind, content = sound(speech._repr_html_())
    assert kind == "audio/wav"
    samples, rate = soundfile.read(io.BytesIO(content), dtype="int16")
    assert (rate, samples.tobytes()) == (24_000, data)
    assert speech.array().shape[0] == 24_000


def test_a_file_is_shown_as_it_is() -> None:
    """With the header that came last."""
    speech = Speech(call((b"head", 0), (b"body", 4), (b"HEAD", 0)), "mp3")
    assert sound(speech._repr_html_()) == ("audio/mpeg", b"HEADbody")
