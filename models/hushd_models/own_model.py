"""A model that the catalogue does not know: its languages, read from its files without loading it, and its memory."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from . import catalogue

_LARGEST = 16_000_000  # bytes of a description that is read
_ENGLISH_VOCABULARY = 51_864  # tokens of Whisper; multilingual models have one more, and one for each language above 99


def languages(engine: str, folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    """The languages that a model's files name; empty where they name none, or cannot be read."""
    read = _READERS.get(engine)
    try:
        return read(folder, files) if read else ()
    except Exception:  # whatever damaged files make Python do
        return ()


def whisper_languages(vocabulary: int) -> tuple[str, ...]:
    """The languages of a Whisper model with `vocabulary` tokens; the English ones use no language tokens."""
    if vocabulary <= _ENGLISH_VOCABULARY:
        return ("en",)
    every = catalogue.models()["whisper/large-v3"].languages
    return every[: vocabulary - _ENGLISH_VOCABULARY + 98]


def memory_mb(engine: str, size_mb: float) -> int:
    """About what a worker takes with a model of that size, as the catalogue's models of its engine do; 0 for an engine
    without any."""
    known = sorted({(one.size_mb, one.memory_mb) for one in catalogue.models().values() if one.engine == engine})
    if not known:
        return 0
    if len(known) == 1:
        return max(0, round(known[0][1] + size_mb - known[0][0]))
    lines = list(pairwise(known))
    (low, less), (high, more) = next((line for line in lines if size_mb <= line[1][0]), lines[-1])
    return max(0, round(less + (size_mb - low) * (more - less) / (high - low)))


def _faster_whisper(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    if "vocabulary.json" in files:
        return whisper_languages(len(json.loads((folder / "vocabulary.json").read_bytes())))
    return whisper_languages(len((folder / "vocabulary.txt").read_bytes().splitlines()))


def _whisper(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    (name,) = (name for name in files if name.endswith(".pt"))
    with zipfile.ZipFile(folder / name) as archive:
        entry = next(one for one in archive.infolist() if one.filename.endswith("/data.pkl"))
        description = archive.read(entry) if entry.file_size <= _LARGEST else b""
    # The key, its place in the pickle's memo, and a number of two or four bytes.
    found = re.search(rb"n_vocab(?:q.|r....|\x94)?(?:M(..)|J(....))", description, re.DOTALL)
    if found is None:
        return ()
    return whisper_languages(int.from_bytes(found[1] or found[2], "little"))


def _piper(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    (name,) = (name for name in files if name.endswith(".onnx.json"))
    content = _object(folder / name)
    tag = content.get("language", {}).get("code") or content.get("espeak", {}).get("voice", "")
    return (str(tag).replace("_", "-"),) if tag else ()


def _onnx_asr(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    named = _object(folder / "config.json").get("languages") if "config.json" in files else None
    if isinstance(named, list) and named and all(isinstance(tag, str) for tag in named):
        return tuple(named)
    tokens = _object(folder / "added_tokens.json") if "added_tokens.json" in files else {}
    return tuple(match[1] for token in tokens if (match := re.fullmatch(r"<\|([a-z]{2,3})\|>", token)))


def _kokoro(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    return catalogue.models()["kokoro/kokoro-v1.0"].languages


def _chatterbox(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    kind = "multilingual" if any("mtl" in name for name in files) else "english"
    return catalogue.models()[f"chatterbox/{kind}"].languages


_READERS: Mapping[str, Callable[[Path, Sequence[str]], tuple[str, ...]]] = {
    "faster-whisper": _faster_whisper,
    "whisper": _whisper,
    "onnx-asr": _onnx_asr,
    "piper": _piper,
    "kokoro": _kokoro,
    "chatterbox": _chatterbox,
}


def _object(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_bytes()) if path.stat().st_size <= _LARGEST else None
    return content if isinstance(content, dict) else {}
