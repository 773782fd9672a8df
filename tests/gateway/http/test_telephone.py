"""G.711's two codings, against what its standard says of them."""

from __future__ import annotations

from array import array

import pytest
from hushd_gateway.http.realtime.audio import ALAW, PCM, ULAW, Decoder, Encoder


@pytest.mark.parametrize(
    ("form", "samples"),
    [
        (ULAW, {0x00: -32124, 0x80: 32124, 0xFF: 0, 0x7F: 0, 0xF0: 120}),
        (ALAW, {0x2A: -32256, 0xAA: 32256, 0xD5: 8, 0x55: -8, 0x80: 5504}),
    ],
)
def test_the_tables_are_those_of_the_standard(form: str, samples: dict[int, int]) -> None:
    """The loudest, the softest, and one between."""
    assert list(array("h", Decoder(form).decode(bytes(samples)))) == list(samples.values())


@pytest.mark.parametrize("form", [ULAW, ALAW])
def test_coding_keeps_what_it_can(form: str) -> None:
    """Each byte's sample is coded as a byte of the same sample; any sample is off by a 25th at most."""
    every = Decoder(form).decode(bytes(range(256)))
    again = Decoder(form).decode(Encoder(form).encode(every))
    assert again == every
    samples = array("h", range(-32_000, 32_000, 7))
    found = array("h", Decoder(form).decode(Encoder(form).encode(samples.tobytes())))
    assert all(abs(a - b) <= max(16, abs(a) / 25) for a, b in zip(samples, found, strict=True))


def test_a_sample_may_come_in_two_messages() -> None:
    """Samples divided anywhere are whole again."""
    sound = array("h", range(100)).tobytes()
    decoder, encoder = Decoder(PCM), Encoder(PCM)
    assert b"".join(decoder.decode(sound[n : n + 3]) for n in range(0, 200, 3)) == sound
    assert b"".join(encoder.encode(sound[n : n + 7]) for n in range(0, 200, 7)) == sound
