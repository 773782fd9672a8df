"""microWakeWord: small models of one phrase each, four of them in a wheel, and the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hushd_schema.engines import EngineSpec, NoModel, model_files


class Word(NamedTuple):
    """A model for one phrase.

    Attributes:
        name: its files' name, such as `okay_nabu`.
        phrase: its spoken form, such as `Okay Nabu`.
        languages: the tags of the languages that it was trained for.
        description: its JSON file, in the model's folder.
    """

    name: str
    phrase: str
    languages: tuple[str, ...]
    description: Path


def words_in(folder: Path) -> Iterator[Word]:
    """Yields the words with two valid files in a folder; ignores others."""
    for path in sorted(folder.glob("*.json")):
        try:
            yield read(path)
        except (NoModel, OSError):
            continue


def read(path: Path) -> Word:
    """Reads a word's description. Raises NoModel if it describes no word, or the model is missing."""
    content = model_files.described(path)
    micro, model, phrase = content.get("micro"), content.get("model"), content.get("wake_word")
    if not isinstance(micro, dict) or not isinstance(model, str) or not isinstance(phrase, str) or not phrase.strip():
        raise NoModel(f"{path.name} has no `micro`, `model` and `wake_word`, as microWakeWord's descriptions have")
    numbers = (micro.get("probability_cutoff"), micro.get("sliding_window_size"))
    if not all(isinstance(number, int | float) and 0 < number <= 1000 for number in numbers):
        raise NoModel(f"{path.name} has no probability_cutoff and sliding_window_size")
    file = path.parent / model
    if "/" in model or not file.is_file() or _begins(file)[4:] != b"TFL3":
        raise NoModel(f"{model!r:.60} beside {path.name} is not a TensorFlow Lite model")
    tags = content.get("trained_languages")
    languages = tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()
    return Word(path.stem, phrase.strip(), languages, path)


def _begins(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(8)


SPEC = EngineSpec(
    name="micro",
    role="wake",
    engine="hushd_worker_wake.engines.micro:Micro",
    default_model="words",
    rank=10,
    listed=200,
    packages=("pymicro_wakeword", "numpy"),
    extra="wake",
    models={
        "words": {
            "languages": "en", "size_mb": 1, "memory_mb": 35, "licence": "Apache-2.0", "speed": "fast",
            "package": "pymicro_wakeword",
        }
    },
    own="*/*.tflite",
    format="tflite",
    memory_mb=lambda files: 35.0,
    cards=(),
)  # fmt: skip
