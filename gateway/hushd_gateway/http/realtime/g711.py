"""G.711, the two codings of telephony: a byte is a sample. Pure."""

from __future__ import annotations

from functools import cache

ULAW, ALAW = "audio/pcmu", "audio/pcma"
G711_RATE = 8_000  # Hz
_BIAS = 0x84  # bias of mu-law


def decoded(coded: bytes, coding: str) -> bytes:
    """Returns the samples, s16le, of `ULAW` or `ALAW`."""
    samples = bytearray(2 * len(coded))
    samples[0::2], samples[1::2] = map(coded.translate, _tables(coding))
    return bytes(samples)


@cache
def _tables(coding: str) -> tuple[bytes, bytes]:
    """Returns the lower and the upper byte of each code's sample."""
    samples = [(_of_ulaw if coding == ULAW else _of_alaw)(code) for code in range(256)]
    return bytes(sample & 0xFF for sample in samples), bytes(sample >> 8 & 0xFF for sample in samples)


def _of_ulaw(code: int) -> int:
    code = ~code & 0xFF
    size = (((code & 0x0F) << 3) + _BIAS) << ((code & 0x70) >> 4)
    return _BIAS - size if code & 0x80 else size - _BIAS


def _of_alaw(code: int) -> int:
    code ^= 0x55
    size, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    size = size + 8 if segment == 0 else (size + 0x108) << (segment - 1)
    return size if code & 0x80 else -size
