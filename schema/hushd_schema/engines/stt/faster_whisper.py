"""faster-whisper: Whisper's models on CTranslate2, folders `faster-whisper/NAME` in the models folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from hushd_schema.engines import (
    EngineSpec,
    Files,
    NoModel,
    NotAlike,
    OnCard,
    Recognition,
    Recommended,
    Sizes,
    whisper_languages,
    word_errors,
)
from hushd_schema.engines.whisper_languages import ALL, ALL_BUT_YUE, MORE

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("config.json", "model.bin", "tokenizer.json")  # without the last the package would contact the hub
PRECISIONS = ("int8", "int8_float16", "int8_float32", "int8_bfloat16", "int16", "float16", "bfloat16", "float32")
# Name, languages, MB on disk and of a worker, speed, and repository.
_MODELS = (
    ("tiny", ALL_BUT_YUE, 78, 263, "fast", "Systran/faster-whisper-tiny"),
    ("tiny.en", "en", 78, 263, "fast", "Systran/faster-whisper-tiny.en"),
    ("base", ALL_BUT_YUE, 148, 333, "fast", "Systran/faster-whisper-base"),
    ("base.en", "en", 148, 333, "fast", "Systran/faster-whisper-base.en"),
    ("small", ALL_BUT_YUE, 488, 673, "medium", "Systran/faster-whisper-small"),
    ("small.en", "en", 488, 673, "medium", "Systran/faster-whisper-small.en"),
    ("medium", ALL_BUT_YUE, 1538, 1723, "slow", "Systran/faster-whisper-medium"),
    ("medium.en", "en", 1538, 1723, "slow", "Systran/faster-whisper-medium.en"),
    ("large-v1", ALL_BUT_YUE, 3100, 3285, "slow", "Systran/faster-whisper-large-v1"),
    ("large-v2", ALL_BUT_YUE, 3100, 3285, "slow", "Systran/faster-whisper-large-v2"),
    ("large-v3", ALL, 3100, 3285, "slow", "Systran/faster-whisper-large-v3"),
    ("large-v3-turbo", ALL, 1618, 1803, "slow", "mobiuslabsgmbh/faster-whisper-large-v3-turbo"),
    ("distil-small.en", "en", 332, 517, "medium", "Systran/faster-distil-whisper-small.en"),
    ("distil-medium.en", "en", 788, 973, "medium", "Systran/faster-distil-whisper-medium.en"),
    ("distil-large-v2", "en", 1512, 1697, "slow", "Systran/faster-distil-whisper-large-v2"),
    ("distil-large-v3", "en", 1512, 1697, "slow", "Systran/faster-distil-whisper-large-v3"),
    ("distil-large-v3.5", "en", 1512, 1697, "slow", "distil-whisper/distil-large-v3.5-ct2"),
)


def _also(name: str) -> tuple[str, ...]:
    """Returns other repositories with a model: those of its makers, and those by which older programs know it."""
    if name.startswith("distil-"):
        return (f"distil-whisper/{name}",)
    turbo = ("deepdml/faster-whisper-large-v3-turbo-ct2",) if name == "large-v3-turbo" else ()
    return (f"openai/whisper-{name.removesuffix('-v1')}", f"guillaumekln/faster-whisper-{name}", *turbo)


def _look(path: Path, name: str) -> Files:
    import struct

    from hushd_schema.engines import model_files

    if not (path / "model.bin").is_file():
        raise NotAlike("a folder in CTranslate2's format has a model.bin")
    if missing := [name for name in FILES if not (path / name).is_file()]:
        raise NoModel(f"a folder in CTranslate2's format has {missing[0]}")
    with open(path / "model.bin", "rb") as file:
        head = file.read(64)
    # A number of the format, then the kind of model, a text behind its length.
    if len(head) < 8 or not 1 <= struct.unpack_from("<I", head)[0] <= 64 or b"Whisper" not in head[6:40]:
        raise NoModel("its model.bin is not a Whisper model in CTranslate2's format")
    vocabulary = [file for file in path.glob("vocabulary.*") if file.is_file()]
    if not vocabulary:
        raise NoModel("it has no vocabulary.json or vocabulary.txt")
    return model_files.all_in(path)


def _languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    file = folder / ("vocabulary.json" if "vocabulary.json" in files else "vocabulary.txt")
    if not file.is_file():  # opening a pipe would wait for a writer
        return ()
    return whisper_languages.of(_tokens(file, file.stat().st_mtime_ns))


@cache
def _tokens(vocabulary: Path, _changed: int) -> int:
    """Returns the number of tokens in a JSON list, or in a file with one token per line.

    Cached, since a starting worker asks several times, and counting takes 8 ms.
    """
    import json

    data = vocabulary.read_bytes()
    return len(json.loads(data) if vocabulary.suffix == ".json" else data.splitlines())


def _memory_mb(files: Sizes) -> float:
    """Estimates Python with the packages, and the whole file, which is in memory before it is converted to int8.

    Measured with weights drawn at random, the peak of private memory in MB: 668 for small (484 of file), 1,720 for
    medium (1,528), 1,779 for large-v3-turbo (1,616), 3,342 for large-v3 (3,087).
    """
    return 185 + files.get("model.bin", 0) / 1e6


def _on_card_mb(files: Sizes) -> OnCard:
    """Estimates the same for a card, in the file's precision: the file passes through the machine's memory.

    The package's makers name 4.5 GB of a card for large-v2 in float16, 3.1 GB of file; not measured here.
    """
    size = sum(files.values()) / 1e6
    return OnCard(machine=600 + size, card=650 + 1.25 * size)


SPEC = EngineSpec(
    name="faster-whisper",
    role="stt",
    engine="hushd_worker_stt.engines.faster_whisper:FasterWhisper",
    default_model="base",
    rank=40,
    listed=20,
    packages=("faster_whisper", "ctranslate2"),
    extra="faster-whisper",
    models={
        name: {
            "languages": languages, "size_mb": size, "memory_mb": memory, "licence": "MIT", "speed": speed,
            "layout": "ctranslate2", "repository": repository, "also": _also(name), **MORE.get(name, {}),
            **word_errors.of(f"whisper-{name.removesuffix('-v1')}"),
        }
        for name, languages, size, memory, speed, repository in _MODELS
    },
    layouts={"ctranslate2": {"files": [FILES], "optional": ("preprocessor_config.json", "vocabulary.*")}},
    own="*/model.bin",
    format="ctranslate2",
    recognition=Recognition(look=_look, order=10),
    languages=_languages,
    memory_mb=_memory_mb,
    on_card_mb=_on_card_mb,
    one_precision="computes with int8 on a processor whatever its file holds",
    cards=("cuda", "rocm"),
    recommended=(
        Recommended(
            model="large-v3-turbo",
            gain="100 languages, detected by itself",
            rank=10,
        ),
        Recommended(
            model="small",
            gain="99 languages, detected by itself; translates into English, times each word",
            rank=40,
            translates=True,
        ),
        Recommended(model="base", gain="99 languages in little memory", rank=50),
    ),
    translates=True,
)  # fmt: skip
