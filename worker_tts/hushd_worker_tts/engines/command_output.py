"""The sound that a program has written, decoded."""

from __future__ import annotations

import io

import numpy as np
import soundfile
from hushd_protocol.errors import HushdError

from hushd_worker_tts.engine import Samples

_BLOCK_SAMPLES = 2**20  # samples of all channels in one read


def decoded(data: bytes, program: str) -> tuple[Samples, int]:
    """Returns float samples, mono, and their rate."""
    try:
        samples, rate = _read(data)
    except soundfile.LibsndfileError as error:
        raise HushdError(
            "worker_failed", f"The program {program!r} did not produce a sound file ({error.error_string.rstrip('.')})."
        ) from error
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    return mono, int(rate)


def _read(data: bytes) -> tuple[Samples, int]:
    """Returns samples, frames by channels, and their rate. Reads blocks, since a damaged header may promise
    terabytes."""
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        frames = max(1, _BLOCK_SAMPLES // file.channels)
        blocks = [np.zeros((0, file.channels), np.float32)]
        while len(block := file.read(frames, dtype="float32", always_2d=True)):
            blocks.append(block)
        return np.concatenate(blocks), int(file.samplerate)
