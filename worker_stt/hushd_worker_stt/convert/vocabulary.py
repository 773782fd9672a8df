"""Builds Whisper's tokens, and their tokenizer for Hugging Face's `tokenizers`."""

from __future__ import annotations

import base64
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_models.installation import package_command
from hushd_protocol.errors import HushdError

from hushd_worker_stt.engines.whisper_models import LANGUAGES, languages

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def ranks(vocabulary: int) -> dict[bytes, int]:
    """Returns the ordinary tokens, with their numbers, of a model with `vocabulary` tokens in all, from
    openai-whisper's package.

    Raises:
        HushdError: `engine_missing` without that package; `input_unreadable` if no Whisper model has so many tokens.
    """
    package = find_spec("whisper")  # found without an import, which would need torch
    name = "gpt2" if languages(vocabulary) == ("en",) else "multilingual"
    file = Path(package.origin if package and package.origin else "").parent / "assets" / f"{name}.tiktoken"
    if not file.is_file():
        raise HushdError(
            "engine_missing",
            "The tokens come with openai-whisper, without whose dependencies it works: "
            f"{package_command('--no-deps', 'openai-whisper')}.",
        )
    lines = file.read_bytes().splitlines()
    tokens = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines if line)}
    if len(tokens) + len(specials(vocabulary)) != vocabulary:
        raise HushdError("input_unreadable", f"A model with {vocabulary} tokens is not a Whisper model of OpenAI's.")
    return tokens


def specials(vocabulary: int) -> list[str]:
    """Returns the tokens after the ordinary ones, in order. Even English models have the tokens of languages."""
    known = languages(vocabulary) if vocabulary > 51_864 else LANGUAGES[:99]
    return [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{language}|>" for language in known),
        "<|translate|>",
        "<|transcribe|>",
        "<|startoflm|>",
        "<|startofprev|>",
        "<|nospeech|>",
        "<|notimestamps|>",
        *(f"<|{number * 0.02:.2f}|>" for number in range(1501)),
    ]


def tokenizer(tokens: dict[bytes, int], special: list[str]) -> Tokenizer:
    """Returns GPT-2's byte-level BPE with these tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = _letters()
    written = {token: "".join(letters[byte] for byte in token) for token in tokens}
    merges = [
        (written[left], written[right])
        for left, right in (
            _halves(token, tokens) for token in sorted(tokens, key=tokens.__getitem__) if len(token) > 1
        )
    ]
    made = Tokenizer(models.BPE({written[token]: rank for token, rank in tokens.items()}, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return made


def _halves(token: bytes, tokens: dict[bytes, int]) -> tuple[bytes, bytes]:
    """Returns the two tokens that BPE merges into `token`: the ones that remain after all earlier merges."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        best = min(range(len(parts) - 1), key=lambda i: tokens.get(parts[i] + parts[i + 1], len(tokens)))
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts[0], parts[1]


def _letters() -> list[str]:
    """Returns GPT-2's character for each byte: the byte itself if it is printable, or else a character from U+0100
    on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(hidden)) for byte in range(256)]
