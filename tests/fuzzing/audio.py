"""Recordings: what looks at their bytes before a decoder does, the decoders' own errors, and films."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import numpy as np
import soundfile
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Job as JobMessage
from hushd_worker.job import Job
from hushd_worker_stt.audio.inlet import raw_blocks
from hushd_worker_stt.audio.recording import Recording
from support import films

from .claims import sentence
from .mutate import NUMBERS, Feed, damaged

_FORMATS = (
    ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("WAV", "IMA_ADPCM"), ("WAVEX", "PCM_16"),
    ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("CAF", "PCM_16"), ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("VOC", "PCM_16"), ("NIST", "PCM_16"),
)  # fmt: skip
_LISTS = (
    b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2.0,\n/dev/fd/0\n", b"ffconcat version 1.0\nfile /dev/fd/0\n",
    b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nt=0 0\nm=audio 40004 RTP/AVP 0\n", b"-SE\non: 300+10/80\n00:00 on\n",
    b"WEBVTT\n\n00:00.000 --> 00:01.000\na\n", b"[Script Info]\n", b"<MPD><Period/></MPD>",
)  # fmt: skip


def _samples(channels: int) -> np.ndarray:
    tone = np.sin(np.arange(4000) * 0.2, dtype=np.float32) / 2
    return np.repeat(tone[:, None], channels, axis=1)


def _files() -> list[bytes]:
    made = []
    for form, subtype in _FORMATS:
        for channels in (1, 2):
            sink = io.BytesIO()
            soundfile.write(sink, _samples(channels), 16_000, format=form, subtype=subtype)
            made.append(sink.getvalue())
    return made


def _chunks(rng: Random) -> bytes:
    """A WAV of chunks in any order and of any length."""
    kinds = (b"fmt ", b"data", b"LIST", b"fact", b"id3 ", b"ds64", b"\0\0\0\0", b"da ta")
    body = b""
    for _ in range(rng.choice((1, 2, 3, 40))):
        content = struct.pack("<HHIIHH", 1, rng.choice((0, 1, 2, 65535)), rng.choice((0, 1, 16_000)), 32_000, 2, 16)
        content = content if rng.random() < 0.5 else rng.randbytes(rng.randrange(60))
        length = len(content) if rng.random() < 0.7 else rng.choice(NUMBERS) & 0xFFFFFFFF
        body += rng.choice(kinds) + struct.pack("<I", length) + content
    return b"RIFF" + struct.pack("<I", rng.choice((len(body) + 4, 0, 2**32 - 1, 4))) + b"WAVE" + body


def _read(data: bytes, rng: Random) -> None:
    """Reads a recording as a worker does; one sentence is the only thing that may come of a bad one."""
    try:
        job = Job(JobMessage(id=bytes(16), op="transcribe", payload=data), lambda message: None)
        with Recording(job, rng.choice((0.0, 0.0, 0.1, 1e6)), rng.choice((1, 1, 2))) as recording:
            for block in recording.blocks():
                assert block.dtype == np.float32
                assert np.isfinite(block).all()
                if recording.seconds > 3600:  # a header may promise years; a job can be cancelled
                    break
    except HushdError as error:
        sentence(error.message)


@contextmanager
def recording(folder: Path) -> Iterator[Feed]:
    """Whole recordings, most through libsndfile, and raw samples in chunks."""
    files = _files()

    def feed(rng: Random) -> None:
        data = _chunks(rng) if rng.random() < 0.2 else damaged(rng, rng.choice(files))
        if rng.random() < 0.2:
            pieces = [data[start : start + 999] for start in range(0, len(data), 999)]
            rate, channels = rng.choice((1000, 16_000, 44_100, 768_000)), rng.choice((2, 3, 64))
            list(raw_blocks(pieces, rate, channels, rng.choice((0.0, 0.01, 5.0))))
            return
        _read(data, rng)

    yield feed


@contextmanager
def film(folder: Path) -> Iterator[Feed]:
    """Films and other containers, and files that are not recordings."""
    sound = np.sin(np.arange(4000) * 0.2, dtype=np.float32) / 2
    files = [films.film(folder / f"a.{form}", sound).read_bytes() for form in films.FORMATS]

    def feed(rng: Random) -> None:
        _read(damaged(rng, rng.choice(_LISTS if rng.random() < 0.2 else files)), rng)

    yield feed
