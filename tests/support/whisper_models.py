"""Whisper's models in the form of CTranslate2, of which no small one is published: made of OpenAI's checkpoints."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_worker_models import checkpoint

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def convert(source: Path, folder: Path, quantization: str) -> None:
    """Makes `folder` of the checkpoint `source`.

    Raises:
        ImportError: ctranslate2, tokenizers, torch or openai-whisper is not here.
    """
    with _unclosed():
        checkpoint.convert(source, folder, quantization)


def tokenizer(vocabulary: int) -> Tokenizer:
    """The tokenizer of a model with `vocabulary` tokens in all."""
    with _unclosed():
        made: Tokenizer = checkpoint.tokens(vocabulary)[1]
    return made


def ranks(vocabulary: int) -> list[bytes]:
    """The ordinary tokens of such a model, in the order of their numbers."""
    with _unclosed():
        known, _ = checkpoint.tokens(vocabulary)
    return [known.encoding.decode_single_token_bytes(number) for number in range(known.eot)]


@contextmanager
def _unclosed() -> Iterator[None]:
    """Lets openai-whisper leave the file of its tokens to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
