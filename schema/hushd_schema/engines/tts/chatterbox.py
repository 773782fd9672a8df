"""chatterbox: models that speak with the voice of a ten-second recording, folders `chatterbox/NAME`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd_schema.engines import EngineSpec, Files, NotAlike, OnCard, Recognition, Sizes

if TYPE_CHECKING:
    from pathlib import Path

_MANY = "ar da de el en es fi fr he hi it ja ko ms nl no pl pt ru sv sw tr zh"
# Name, languages, MB on disk and of a worker, and repository.
_MODELS = (
    ("english", "en", 3200, 4200, "ResembleAI/chatterbox"),
    ("multilingual", _MANY, 3200, 4200, "ResembleAI/chatterbox"),
    ("turbo", "en", 3000, 4000, "ResembleAI/chatterbox-turbo"),
)
_LAYOUTS = {
    "english": {
        "files": [["ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json"]],
        "optional": ["conds.pt"],
    },
    "multilingual": {
        "files": [["ve.pt", "t3_mtl23ls_v2.safetensors", "s3gen.pt", "grapheme_mtl_merged_expanded_v1.json"]],
        "optional": ["conds.pt", "Cangjie5_TC.json"],
    },
    "turbo": {
        "files": [["ve.safetensors", "t3_turbo_v1.safetensors", "s3gen_meanflow.safetensors"]],
        "optional": ["*.safetensors", "*.json", "*.txt", "*.pt", "*.model"],
    },
}


def _look(path: Path, name: str) -> Files:
    from hushd_schema.engines import model_files

    if not path.is_dir() or not any((path / f"ve{end}").is_file() for end in (".safetensors", ".pt")):
        raise NotAlike("it is not a folder of chatterbox's, which has ve.safetensors or ve.pt")
    for file in path.glob("*.safetensors"):
        model_files.check_safetensors(file)
    return model_files.all_in(path)


def _languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    return tuple(_MANY.split()) if any("mtl" in name for name in files) else ("en",)


def _memory_mb(files: Sizes) -> float:
    """Estimates torch with the package, and the tensors of a sentence; the weights are mapped, on a CPU.

    Measured with weights drawn at random, the peak of private memory in load and job: 939 and 996 MB for the English
    model, 887 and 1,010 for the multilingual one, 1,305 for turbo.
    """
    turbo = any("turbo" in name for name in files)
    return (1300 if turbo else 1000) if files else 0


def _on_card_mb(files: Sizes) -> OnCard:
    """Estimates the same for a card: each module is created in the machine's memory and copied with all its weights.

    The largest module is two thirds of the files; not measured on a card.
    """
    size = sum(files.values()) / 1e6
    return OnCard(machine=1000 + 0.7 * size, card=1500 + size)


SPEC = EngineSpec(
    name="chatterbox",
    role="tts",
    engine="hushd_worker_tts.engines.chatterbox:Chatterbox",
    default_model="english",
    rank=50,
    listed=90,
    packages=("chatterbox", "torch"),
    models={
        name: {
            "languages": languages, "size_mb": size, "memory_mb": memory, "licence": "MIT", "speed": "slow",
            "layout": name, "repository": repository,
        }
        for name, languages, size, memory, repository in _MODELS
    },
    layouts=_LAYOUTS,
    own="*/*.safetensors",
    format="safetensors",
    recognition=Recognition(look=_look, order=20),
    languages=_languages,
    memory_mb=_memory_mb,
    on_card_mb=_on_card_mb,
    cards=("cuda", "rocm", "mps"),
)  # fmt: skip
