"""The voices of piper as files: languages and memory, for `spec.json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hushd_schema.engines import Sizes, model_files


def languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    (name,) = (name for name in files if name.endswith(".onnx.json"))
    content = model_files.content(folder / name)
    tag = content.get("language", {}).get("code") or content.get("espeak", {}).get("voice", "")
    return (str(tag).replace("_", "-"),) if tag else ()


def memory_mb(files: Sizes) -> float:
    """Estimates Python, numpy, the runtime, espeak's data, and the graph's tensors; its weights are mapped.

    Measured with a published voice of 63 MB, a sentence of ten words: 96 to 100 MB, and 73 of mapped pages.
    """
    return 68 + sum(size for file, size in files.items() if file.endswith(".onnx")) / 2e6
