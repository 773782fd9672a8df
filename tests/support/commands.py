"""Spoken commands, for the Whisper checkpoint in tests/support/data: what it hears, and hibari's voice saying it."""

from __future__ import annotations

import gzip
import random
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import soxr

RATE = 16_000
CHECKPOINT = Path(__file__).parent / "data" / "whisper-commands.pt.gz"
WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "start", "stop", "open", "close",
    "red", "green", "blue", "left", "right", "yes", "no",
)  # fmt: skip


def unpack_checkpoint(path: Path) -> Path:
    """Writes the checkpoint to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(CHECKPOINT) as packed, path.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return path


@cache
def _voice() -> object:
    from hibari import Hibari

    return Hibari()


def say(words: list[str], speed: float = 1.0) -> np.ndarray:
    """`words` as one sentence: float32, mono, 16 kHz."""
    audio = _voice()(" ".join(words).capitalize() + ".", speed=speed)  # type: ignore[operator]
    return soxr.resample(np.asarray(audio, dtype=np.float32), 24_000, RATE).astype(np.float32)


def utterances(count: int, seed: int = 1) -> list[tuple[str, np.ndarray]]:
    """Texts of one to six words and how they sound, unseen in training: that was seed 0 of another order."""
    rng = random.Random(seed)
    texts = [[rng.choice(WORDS) for _ in range(rng.randint(1, 6))] for _ in range(count)]
    return [(" ".join(words), say(words, rng.uniform(0.8, 1.3))) for words in texts]
