"""Finds the role, the languages and the memory of a model outside the catalogue by its files, without loading it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from . import catalogue


def languages(engine: str, folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    """Returns the languages that a model's files name; empty if they name none, or cannot be read."""
    spec = catalogue.engine(engine)
    try:
        return spec.languages(folder, files) if spec and spec.languages else ()
    except Exception:  # damaged files may raise anything
        return ()


def role(engine: str, files: Iterable[Path]) -> str:
    """Returns the role of a model by its files, usually its engine's; empty for an unknown engine."""
    spec = catalogue.engine(engine)
    if spec is None:
        return ""
    try:
        return spec.role_of(files) if spec.role_of else spec.role
    except Exception:  # as above
        return spec.role


def memory_mb(engine: str, files: Mapping[str, int]) -> int:
    """Estimates a worker's peak memory by the sizes of the model's files in bytes; 0 for an unknown engine."""
    spec = catalogue.engine(engine)
    if spec and spec.memory_mb:
        return round(spec.memory_mb(files))
    return _by_the_line(engine, sum(files.values()) / 1e6)


def _by_the_line(engine: str, size_mb: float) -> int:
    """Estimates the memory by the line through the engine's models in the catalogue."""
    known = sorted({(model.size_mb, model.memory_mb) for model in catalogue.of(engine)})
    if not known:
        return 0
    if len(known) == 1:
        return max(0, round(known[0][1] + size_mb - known[0][0]))
    lines = list(pairwise(known))
    (low, less), (high, more) = next((line for line in lines if size_mb <= line[1][0]), lines[-1])
    return max(0, round(less + (size_mb - low) * (more - less) / (high - low)))
