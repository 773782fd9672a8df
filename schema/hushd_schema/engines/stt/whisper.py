"""OpenAI's own Whisper, on torch: checkpoints `whisper/NAME.pt` in the models folder."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd_schema.engines import (
    EngineSpec,
    Files,
    NoModel,
    NotAlike,
    OnCard,
    Precisions,
    Recognition,
    Sizes,
    whisper_languages,
    word_errors,
)
from hushd_schema.engines.stt.faster_whisper import PRECISIONS
from hushd_schema.engines.whisper_languages import ALL, ALL_BUT_YUE, MORE

if TYPE_CHECKING:
    from pathlib import Path

_PLACE = "https://openaipublic.azureedge.net/main/whisper/models"
# Name, languages, MB on disk and of a worker, speed, and the SHA-256, which is also part of the address.
# fmt: off
_MODELS = (
    ("tiny", ALL_BUT_YUE, 78, 484, "fast", "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9"),
    ("tiny.en", "en", 78, 484, "fast", "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03"),
    ("base", ALL_BUT_YUE, 148, 694, "medium", "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e"),
    ("base.en", "en", 148, 694, "medium", "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead"),
    ("small", ALL_BUT_YUE, 488, 1714, "slow", "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794"),
    ("small.en", "en", 488, 1714, "slow", "f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872"),
    ("medium", ALL_BUT_YUE, 1538, 4864, "slow", "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1"),
    ("medium.en", "en", 1538, 4864, "slow", "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f"),
    ("large-v1", ALL_BUT_YUE, 3100, 9550, "slow", "e4b87e7e0bf463eb8e6956e646f1e277e901512310def2c24bf0e11bd3c28e9a"),
    ("large-v2", ALL_BUT_YUE, 3100, 9550, "slow", "81f7c96c852ee8fc832187b0132e569d6c3065a3252ed18e56effd0b6a73e524"),
    ("large-v3", ALL, 3100, 9550, "slow", "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb"),
    ("large-v3-turbo", ALL, 1618, 5104, "slow", "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a"),
)
# fmt: on


def _look(path: Path, name: str) -> Files:
    from hushd_schema.engines import model_files

    if path.suffix != ".pt" or not path.is_file():
        raise NotAlike("it is not a checkpoint, a .pt file")
    try:
        description = model_files.pickled(path)
    except Exception as error:  # a damaged archive may raise anything
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: a seek before the file's beginning
            raise
        raise NoModel("it is not a complete checkpoint") from error
    if b"model_state_dict" not in description or b"n_vocab" not in description:
        raise NoModel("it is not a Whisper checkpoint in OpenAI's format")
    return {f"{name}.pt": path}


def _languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    import re

    from hushd_schema.engines import model_files

    (name,) = (name for name in files if name.endswith(".pt"))
    # The key, its index in the pickle's memo, and a number of two or four bytes.
    key = rb"n_vocab(?:q.|r....|\x94)?(?:M(..)|J(....))"
    match = re.search(key, model_files.pickled(folder / name), re.DOTALL)
    return whisper_languages.of(int.from_bytes(match[1] or match[2], "little")) if match else ()


def _memory_mb(files: Sizes) -> float:
    """Estimates torch with its packages, the checkpoint, and the weights in float32, twice as large.

    Measured with weights drawn at random, the peak without mapped files: see docs/MODELS.md.
    """
    return 250 + 3.0 * sum(files.values()) / 1e6


def _on_card_mb(files: Sizes) -> OnCard:
    """Estimates the same for a card: CUDA's context, the weights in half precision, as the file has them, and room for
    a batch, which the worker keeps to. The file's pages are not private, so the machine's part is that of the packages.

    Measured on an H100 with large-v3: 4.0 GB of the card after its load, and 1.2 GB more for each piece of a batch.
    """
    size = sum(files.values()) / 1e6
    return OnCard(machine=1000, card=1350 + 1.8 * size)


SPEC = EngineSpec(
    name="whisper",
    role="stt",
    engine="hushd_worker_stt.engines.whisper:Whisper",
    default_model="base",
    rank=50,
    listed=30,
    packages=("whisper", "torch"),
    extra="whisper",
    models={
        name: {
            "languages": languages, "size_mb": size, "memory_mb": memory, "licence": "MIT", "speed": speed,
            "layout": "checkpoint", "url": f"{_PLACE}/{digest}", "sha256": {f"{name}.pt": digest},
            **MORE.get(name, {}), **word_errors.of(f"whisper-{name.removesuffix('-v1')}"),
        }
        for name, languages, size, memory, speed, digest in _MODELS
    },
    layouts={"checkpoint": {"files": [["{name}.pt"]]}},
    own="*.pt",
    flat=True,
    cache="whisper",
    format="openai-whisper",
    recognition=Recognition(look=_look, kind="checkpoints (.pt)", order=40),
    languages=_languages,
    memory_mb=_memory_mb,
    on_card_mb=_on_card_mb,
    precisions=Precisions(
        names=PRECISIONS,
        into="faster-whisper",
        package="ctranslate2",
        extra="faster-whisper",
        module="hushd_worker_stt.convert",
    ),
    cards=("cuda", "rocm", "mps"),
    translates=True,
)  # fmt: skip
