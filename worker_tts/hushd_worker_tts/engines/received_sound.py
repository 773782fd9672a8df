"""Sound as a speech server sends it, decoded while it comes."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from itertools import chain

from hushd_worker import media
from hushd_worker.server.exchange import Broken, first_words

from hushd_worker_tts.engine import AudioChunk

_WAV_HEAD_BYTES = 4096  # bytes in which a WAV file's samples begin; FFmpeg reads one with a longer head
_PROBED = 4096  # bytes by which FFmpeg knows the format; by itself it would wait for 5 MB
_BARE = ("audio/pcm", "audio/l16")  # content types of samples without a header
_WORDS = re.compile(rb"[\t\n\r -~]{4}(?:[\t\n\r -~]{28}|[\t\n\r -~]*$)")  # letters where samples should be
_PCM_RATE = 24_000  # Hz of these, as OpenAI's API has it, unless the type says otherwise


def decoded(blocks: Iterator[bytes], kind: str) -> Iterator[AudioChunk]:
    """Yields the sound of an answer of the content type `kind`: bare samples, a WAV file of 16 bits, whatever length it
    claims, or a file of any other format that FFmpeg reads. Raises Broken if it is not sound."""
    if kind.lower().startswith(_BARE):
        stated = re.search(r"rate=(\d{1,7})\b", kind.lower())
        yield from bare(blocks, int(stated[1]) if stated else _PCM_RATE)
        return
    head = b""
    for block in blocks:
        head += block
        if len(head) >= 12 and head[:4] + head[8:12] != b"RIFFWAVE":
            break
        if (begun := _wav_samples(head)) is not None:
            at, rate_hz, channels = begun
            yield from raw(chain((head[at:],), blocks), rate_hz, channels)
            return
        if len(head) > _WAV_HEAD_BYTES:
            break
    yield from _file(head, blocks)


def bare(blocks: Iterator[bytes], rate: int) -> Iterator[AudioChunk]:
    """Yields the sound of an answer of bare samples, whatever its content type. Raises Broken for words in their
    place."""
    head = next(blocks, b"")
    if _WORDS.match(head):
        raise Broken(f"answered without sound: {first_words(head)}")
    yield from raw(chain((head,), blocks), rate)


def raw(blocks: Iterable[bytes], rate: int, channels: int = 1) -> Iterator[AudioChunk]:
    """Yields samples of 16 bits as they come."""
    import numpy as np

    rest, frame = b"", 2 * channels
    for block in blocks:
        rest += block
        if whole := len(rest) // frame * frame:
            samples = np.frombuffer(rest[:whole], "<i2").astype(np.float32) / np.float32(32768)
            yield AudioChunk(samples if channels == 1 else samples.reshape(-1, channels).mean(axis=1), rate)
            rest = rest[whole:]


def _wav_samples(head: bytes) -> tuple[int, int, int] | None:
    """Returns where the samples of a WAV file begin, their rate and channels; None for others, and too early."""
    at, form, channels, rate, bits = 12, 0, 0, 0, 0
    while at + 8 <= len(head):
        name, size = struct.unpack_from("<4sI", head, at)
        if name == b"data":
            return (at + 8, rate, channels) if form in (1, 0xFFFE) and bits == 16 and rate and channels else None
        if name == b"fmt " and at + 24 <= len(head):
            form, channels, rate, bits = struct.unpack_from("<HHI6xH", head, at + 8)
        at += 8 + size + size % 2
    return None


def _file(head: bytes, blocks: Iterator[bytes]) -> Iterator[AudioChunk]:
    """Yields the sound of an MP3, FLAC, Ogg or other file, as far as it has come."""
    if not head:
        raise Broken("answered without sound")
    av = media.pyav("The sound of this server")
    try:
        with media.open_sound(_Pipe(head, blocks), probesize=str(_PROBED), analyzeduration="0") as container:
            resampler = av.AudioResampler("flt", "mono")
            for frame in container.decode(audio=0):
                for mono in resampler.resample(frame):
                    yield AudioChunk(mono.to_ndarray()[0], mono.sample_rate)
    except (av.FFmpegError, IndexError, ValueError):  # the last for sound that changes its form
        raise Broken(f"answered without sound: {first_words(head)}") from None


class _Pipe:
    """An answer's bytes as they come, for FFmpeg to read."""

    def __init__(self, head: bytes, blocks: Iterator[bytes]) -> None:
        self._blocks = chain((head,), blocks)
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Returns at most `size` bytes; none at the end."""
        self._rest = self._rest or next(self._blocks, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data
