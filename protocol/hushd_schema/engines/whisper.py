"""The models of Whisper as files: OpenAI's checkpoints, and CTranslate2's folders."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from . import model_files
from .spec import OnCard, Sizes

# The languages in the order of their tokens, `<|en|>` first. The last, Cantonese, came with large-v3.
_LANGUAGES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml "
    "cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am "
    "yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue"
)
LANGUAGES = tuple(_LANGUAGES.split())
FOLDER = ("config.json", "model.bin", "tokenizer.json")  # the package would contact the hub if the last were missing
_ENGLISH_VOCABULARY = 51_864  # tokens; multilingual models have one more, and one for each language above 99


def languages_of(vocabulary: int) -> tuple[str, ...]:
    """Returns the languages of a model with `vocabulary` tokens."""
    if vocabulary <= _ENGLISH_VOCABULARY:
        return ("en",)
    return LANGUAGES[: vocabulary - _ENGLISH_VOCABULARY + 98]


# --- checkpoints -----------------------------------------------------------------------------------------------------


def languages_of_checkpoint(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    (name,) = (name for name in files if name.endswith(".pt"))
    # The key, its index in the pickle's memo, and a number of two or four bytes.
    key = rb"n_vocab(?:q.|r....|\x94)?(?:M(..)|J(....))"
    match = re.search(key, model_files.pickled(folder / name), re.DOTALL)
    return languages_of(int.from_bytes(match[1] or match[2], "little")) if match else ()


def checkpoint_mb(files: Sizes) -> float:
    """Estimates torch with its packages and the weights in float32, twice as large as the file, which is mapped.

    Measured, the peak of private memory in MB: 589 for base (145 of file); with weights drawn at random, which fill the
    decoder's cache, 1,429 for small (484), 7,044 for large-v3 (3,087).
    """
    return 325 + 2.16 * sum(files.values()) / 1e6


def checkpoint_on_card_mb(files: Sizes) -> OnCard:
    """Estimates the same for a card: CUDA's context, the weights in half precision, as the file has them, and room for
    a batch, which the worker keeps to. The file's pages are not private, so the machine's part is that of the packages.

    Measured on an H100 with large-v3: 4.0 GB of the card after its load, and 1.2 GB more for each piece of a batch.
    """
    size = sum(files.values()) / 1e6
    return OnCard(machine=1000, card=1350 + 1.8 * size)


# --- CTranslate2's folders -------------------------------------------------------------------------------------------


def languages_of_folder(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    file = folder / ("vocabulary.json" if "vocabulary.json" in files else "vocabulary.txt")
    if not file.is_file():  # opening a pipe would wait for a writer
        return ()
    return languages_of(_tokens(file, file.stat().st_mtime_ns))


@cache
def _tokens(vocabulary: Path, _changed: int) -> int:
    """Returns the number of tokens in a JSON list, or in a file with one token per line.
    Cached, since a starting worker asks several times, and counting takes 8 ms."""
    data = vocabulary.read_bytes()
    return len(json.loads(data) if vocabulary.suffix == ".json" else data.splitlines())


def folder_mb(files: Sizes) -> float:
    """Estimates Python with the packages, and the whole file, which is in memory before it is converted to int8.

    Measured, the peak of private memory in MB: 226 for tiny.en (76 of file), 331 for base (145); with weights drawn at
    random 668 for small (484), 1,720 for medium (1,528), 1,779 for large-v3-turbo (1,616), 3,342 for large-v3 (3,087).
    """
    return 170 + files.get("model.bin", 0) / 1e6


def folder_on_card_mb(files: Sizes) -> OnCard:
    """Estimates the same for a card, in the file's precision: the file passes through the machine's memory.
    The package's makers name 4.5 GB of a card for large-v2 in float16, 3.1 GB of file; not measured here."""
    size = sum(files.values()) / 1e6
    return OnCard(machine=600 + size, card=650 + 1.25 * size)
