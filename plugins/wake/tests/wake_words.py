"""Wake words as hibari speaks them, in a room with a little noise, and a worker that waits: s16le, mono, 16 kHz."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from hushd_protocol.messages import Job as JobMessage
from hushd_protocol.messages import Message, Partial
from hushd_worker.job import Job
from hushd_worker_wake.worker import WakeWorker
from support.commands import RATE, say

needs_micro = pytest.mark.skipif(
    find_spec("pymicro_wakeword") is None, reason="pymicro-wakeword is not installed: pip install 'hushd[wake]'"
)


def room(*parts: str | float, seed: int = 0) -> bytes:
    """Sound of texts, and of silence where a part is a number of seconds."""
    noise = np.random.default_rng(seed)
    pieces = [np.zeros(round(part * RATE), np.float32) if isinstance(part, float) else _spoken(part) for part in parts]
    samples = np.concatenate(pieces)
    samples = samples + noise.normal(0, 1e-3, len(samples)).astype(np.float32)
    return (samples * 32767).astype("<i2").tobytes()


def _spoken(text: str) -> np.ndarray:
    samples = say(text.split())
    return np.asarray(samples / np.abs(samples).max() * 0.4, np.float32)


def detect(
    worker: WakeWorker, sound: bytes, **params: object
) -> tuple[list[tuple[str, float, float]], dict[str, object]]:
    """The words that were heard, with their times, and the result."""
    sent: list[Message] = []
    result = worker.run(
        Job(JobMessage(id=bytes(16), op="detect", params=dict(params), input="inline", payload=sound), sent.append)
    )
    heard = [message.data for message in sent if isinstance(message, Partial)]
    return [(data["word"], data["at"], data["end"]) for data in heard], result
