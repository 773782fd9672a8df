"""Whisper's models in the form of CTranslate2, of which no small one is published: made of OpenAI's checkpoints.

All of it takes openai-whisper's package, which has the tokens, and raises ImportError without it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["checkpoint", "convert", "halves", "letters", "ranks", "specials", "tokenizer"]


def checkpoint(path: Path) -> tuple[dict[str, int], Mapping[str, np.ndarray]]:
    """The dimensions and the numbers of a checkpoint in OpenAI's format."""
    import torch

    content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return content["dims"], {name: tensor.numpy() for name, tensor in content["model_state_dict"].items()}


def convert(source: Path, folder: Path, quantization: str, *, name: str = "") -> None:
    """Makes `folder` of the checkpoint `source`; `name` is the well-known model's, by which word times are known."""
    from support import whisper_conversion as product

    with _unclosed():
        product.convert(source, folder, quantization, name)


def halves(token: bytes, ranks: Mapping[bytes, int]) -> tuple[bytes, bytes]:
    """The two tokens of which a token was merged."""
    from support import whisper_conversion as product

    return product._halves(token, ranks)


def tokenizer(vocabulary: int) -> Tokenizer:
    """The tokenizer of a model with `vocabulary` tokens in all."""
    from support import whisper_conversion as product

    with _unclosed():
        made: Tokenizer = product.tokens(vocabulary)[1]
    return made


def ranks(vocabulary: int) -> dict[bytes, int]:
    """The ordinary tokens of such a model, with their numbers."""
    known = _known(vocabulary)
    return {known.encoding.decode_single_token_bytes(number): number for number in range(known.eot)}


def specials(vocabulary: int) -> list[str]:
    """The tokens after the ordinary ones, in order. Even English models have the tokens of languages."""
    known = _known(vocabulary)
    return [known.encoding.decode_single_token_bytes(number).decode() for number in range(known.eot, vocabulary)]


def letters() -> list[str]:
    """GPT-2's character for each byte: the byte itself if it is printable, or else a character from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(hidden)) for byte in range(256)]


def _known(vocabulary: int) -> Any:
    from whisper.tokenizer import get_tokenizer

    multilingual = vocabulary >= 51_865
    with _unclosed():
        return get_tokenizer(multilingual, num_languages=vocabulary - 51_765 - multilingual)


@contextmanager
def _unclosed() -> Iterator[None]:
    """Lets openai-whisper leave the file of its tokens to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
