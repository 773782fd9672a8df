"""voxrt: Parakeet Redux, whose weights are -1, 0 and 1, on a runtime in Rust; folders `voxrt/NAME`.

Size, languages and licence are from the model's card; the runtime is the package's (0.2).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hushd_schema.engines import EngineSpec, Files, NoModel, NotAlike, Recognition, Recommended, Sizes

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("config.json", "model.safetensors", "ternary.json", "tokenizer.json")
FORMAT = "thrush-ternary-v2"  # the only one that the runtime reads
LANGUAGES = "en bg cs da de el es et fi fr hr hu it lt lv mt nl pl pt ro ru sk sl sv uk"
_HAS_WHEEL = os.uname().machine != "aarch64"  # as pyproject.toml has it


def _look(path: Path, name: str) -> Files:
    from hushd_schema.engines import model_files

    if not (path / "ternary.json").is_file():
        raise NotAlike("a folder of voxrt's has a ternary.json")
    if missing := [name for name in FILES if not (path / name).is_file()]:
        raise NoModel(f"a folder of voxrt's has {missing[0]}")
    written = model_files.described(path / "ternary.json").get("format")
    if written != FORMAT:
        raise NoModel(f"its ternary.json is of the format {str(written)[:40]!r}, not {FORMAT}")
    for file in ("config.json", "tokenizer.json"):
        model_files.described(path / file)
    model_files.check_safetensors(path / "model.safetensors")
    return {file: path / file for file in FILES}


def _languages(folder: Path, files: object) -> tuple[str, ...]:
    return tuple(LANGUAGES.split())  # no file names them, and all models are of Parakeet v3's


def _memory_mb(files: Sizes) -> float:
    """Estimates Python with numpy, the weights, which the runtime unpacks to a byte each, and a piece of 20 s.

    Measured with weights at random, in MB: 799 at rest, 820 with 10 s, 865 with minutes of speech, for 177 of files.
    """
    return 140 + 4.12 * sum(files.values()) / 1e6


SPEC = EngineSpec(
    name="voxrt",
    role="stt",
    engine="hushd_worker_stt.engines.voxrt:Voxrt",
    default_model="parakeet-redux",
    rank=33,
    listed=43,
    packages=("voxrt", "numpy"),
    extra="voxrt",
    models={
        "parakeet-redux": {
            "languages": LANGUAGES, "size_mb": 178, "memory_mb": 870, "licence": "CC-BY-4.0", "speed": "fast",
            "layout": "ternary", "repository": "moondream/parakeet-redux", "word_errors": "en 1.95",
            "word_errors_source": "https://pypi.org/project/voxrt/0.2.1/",
        }
    },
    layouts={"ternary": {"files": [FILES]}},
    own="*/ternary.json",
    format="ternary",
    recognition=Recognition(look=_look, order=25),
    languages=_languages,
    memory_mb=_memory_mb,
    cards=(),
    recommended=(
        Recommended(
            model="parakeet-redux",
            gain="25 of Europe's languages with punctuation from a small download, quick on a processor; times words",
            rank=18,
        ),
    )
    if _HAS_WHEEL
    else (),
)  # fmt: skip
