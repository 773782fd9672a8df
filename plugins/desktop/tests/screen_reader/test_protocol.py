"""speech-dispatcher's module protocol: audio that fits into lines, settings, and mistakes in them."""

from __future__ import annotations

import io
import random

import pytest
from hushd_desktop.screen_reader.protocol import BAD_SYNTAX, BAD_VALUE, DispatcherConnection, audio, settings
from hushd_desktop.screen_reader.settings import Settings
from support.seeds import seeds


def decoded(message: bytes) -> tuple[dict[str, int], bytes]:
    """Reads audio as speech-dispatcher's server does: line by line, then the escapes."""
    *head, body, last, rest = message.split(b"\n")
    assert (last, rest) == (b"705 AUDIO", b"")
    assert body.startswith(b"705-AUDIO\0")
    fields = dict(line.removeprefix(b"705-").decode().split("=") for line in head)
    data, escaped = bytearray(), False
    for byte in body.removeprefix(b"705-AUDIO\0"):
        if byte == 0x7D:
            escaped = True
            continue
        data.append(byte ^ 0x20 if escaped else byte)
        escaped = False
    return {name: int(value) for name, value in fields.items()}, bytes(data)


@seeds(100)
def test_audio(seed: int) -> None:
    """Whatever the samples are, they come out as they went in, and no line ends within them."""
    rng = random.Random(seed)
    samples, rate = rng.randbytes(2 * rng.randrange(200)), rng.randrange(8000, 96001)
    fields, data = decoded(audio(samples, rate))
    assert data == samples
    assert fields == {
        "bits": 16, "num_channels": 1, "sample_rate": rate, "num_samples": len(samples) // 2, "big_endian": 0,
    }  # fmt: skip


def test_a_block_of_lines() -> None:
    """It ends with a dot; a line that began with one gets it back; the end of the input ends everything."""
    lines = DispatcherConnection(io.BytesIO(b"One\n..two\n\xff\n.\nrest"), io.BytesIO())
    assert lines.block() == ["One", ".two", "\ufffd"]
    assert lines.block() is None


@pytest.mark.parametrize(
    ("line", "answer"),
    [("rate=50", ""), ("rate", BAD_SYNTAX), ("=5", BAD_SYNTAX), ("rate=fast", BAD_VALUE), ("rate=101", BAD_VALUE),
     ("punctuation_mode=many", BAD_VALUE), ("colour=red", BAD_VALUE), ("language=NULL", ""), ("pitch_range=-100", "")],
)  # fmt: skip
def test_settings(line: str, answer: str) -> None:
    """A faulty line is answered, and changes nothing."""
    changed = []
    assert settings([line], lambda name, value: changed.append(Settings().changed(name, value))) == answer
    assert bool(changed) == (not answer)


def test_rate_and_pitch() -> None:
    """A higher voice is made slower and played faster, so that it speaks at the same pace."""
    settings = Settings(rate=100, pitch=100)
    tone = settings.tone(capital=False)
    assert settings.options(tone)["speed"] * tone == pytest.approx(3.0)
    assert Settings(rate=0, pitch=0).options(1.0) == {"speed": 1.0, "volume": 1.0}
    assert Settings(volume=-100).options(1.0)["volume"] == 0
