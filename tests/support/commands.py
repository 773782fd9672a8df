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


def multilingual_checkpoint(path: Path) -> Path:
    """Writes a checkpoint in the form of a multilingual one, made of the English one, which takes all speech for German
    and translates it into the words that the other hears.

    Its prompt is longer by a language and a task, so these have the embedding and the position of the first token,
    which is as if they were not there.
    """
    import torch
    from whisper.tokenizer import get_tokenizer

    known = torch.load(unpack_checkpoint(path))
    weights, english, many = known["model_state_dict"], get_tokenizer(False), get_tokenizer(True, num_languages=99)
    before = weights["decoder.token_embedding.weight"]
    known["dims"]["n_vocab"] = many.encoding.n_vocab
    after = before.new_zeros(many.encoding.n_vocab, before.shape[1])
    for old, new in (
        (english.encoding._mergeable_ranks, many.encoding._mergeable_ranks),
        (english.special_tokens, many.special_tokens),
    ):
        shared = old.keys() & new.keys()
        after[[new[token] for token in shared]] = before[[old[token] for token in shared]]
    first = before[english.sot]
    after[[*many.all_language_tokens, many.translate, many.transcribe]] = first
    after[many.special_tokens["<|de|>"]] = -first  # the likeliest after the first token
    weights["decoder.token_embedding.weight"] = after
    place = weights["decoder.positional_embedding"]
    weights["decoder.positional_embedding"] = torch.cat((place[:1], place[:1], place[:-2]))
    torch.save(known, path)
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
