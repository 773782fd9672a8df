"""The audio encodings of a realtime session: PCM, and the two of telephony. Pure."""

from __future__ import annotations

import sys
from array import array
from functools import cache

PCM, ULAW, ALAW = "audio/pcm", "audio/pcmu", "audio/pcma"
FORMATS = (PCM, ULAW, ALAW)
RATE = 24_000  # Hz of PCM by default
TELEPHONE_RATE = 8000
_BIAS = 0x84  # of G.711's mu-law


class Decoder:
    """Decodes a session's audio into s16le samples; a sample may be split between two messages."""

    def __init__(self, form: str) -> None:
        self._tables = None if form == PCM else _bytes(form)
        self._incomplete = b""

    def decode(self, data: bytes) -> bytes:
        """The whole samples so far."""
        if self._tables is not None:
            samples = bytearray(2 * len(data))
            samples[0::2], samples[1::2] = map(data.translate, self._tables)
            return bytes(samples)
        data = self._incomplete + data
        whole = len(data) & ~1
        self._incomplete = data[whole:]
        return data[:whole]


class Encoder:
    """Encodes s16le samples in a session's output format."""

    def __init__(self, form: str) -> None:
        self._codes = None if form == PCM else _codes(form)
        self._incomplete = b""

    def encode(self, data: bytes) -> bytes:
        """The whole samples so far."""
        data = self._incomplete + data
        whole = len(data) & ~1
        data, self._incomplete = data[:whole], data[whole:]
        if self._codes is None:
            return data
        samples = array("H", data)
        if sys.byteorder == "big":
            samples.byteswap()
        return bytes(map(self._codes.__getitem__, samples))


@cache
def _bytes(form: str) -> tuple[bytes, bytes]:
    """Returns two tables: the lower and the upper byte of the sample that each byte encodes."""
    return bytes(sample & 0xFF for sample in _table(form)), bytes(sample >> 8 & 0xFF for sample in _table(form))


@cache
def _table(form: str) -> tuple[int, ...]:
    """Returns the sample that each byte encodes."""
    return tuple(map(_of_ulaw if form == ULAW else _of_alaw, range(256)))


@cache
def _codes(form: str) -> bytes:
    """Returns the byte for each sample (as an unsigned number): the byte with the nearest sample."""
    decoded = sorted((sample, code) for code, sample in enumerate(_table(form)))
    codes = bytearray(65_536)
    index = 0
    for sample in range(-32_768, 32_768):
        while index + 1 < len(decoded) and abs(decoded[index + 1][0] - sample) <= abs(decoded[index][0] - sample):
            index += 1
        codes[sample & 0xFFFF] = decoded[index][1]
    return bytes(codes)


def _of_ulaw(code: int) -> int:
    code = ~code & 0xFF
    size = (((code & 0x0F) << 3) + _BIAS) << ((code & 0x70) >> 4)
    return _BIAS - size if code & 0x80 else size - _BIAS


def _of_alaw(code: int) -> int:
    code ^= 0x55
    size, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    size = size + 8 if segment == 0 else (size + 0x108) << (segment - 1)
    return size if code & 0x80 else -size
