"""A model that the catalogue does not know: its languages, read from its files without loading it, and its memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from . import catalogue


def languages(engine: str, folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    """The languages that a model's files name; empty where they name none, or cannot be read."""
    spec = catalogue.engine(engine)
    try:
        return spec.languages(folder, files) if spec and spec.languages else ()
    except Exception:  # whatever damaged files make Python do
        return ()


def memory_mb(engine: str, size_mb: float) -> int:
    """About what a worker takes with a model of that size, as the catalogue's models of its engine do; 0 for an engine
    without any."""
    known = sorted({(one.size_mb, one.memory_mb) for one in catalogue.of(engine)})
    if not known:
        return 0
    if len(known) == 1:
        return max(0, round(known[0][1] + size_mb - known[0][0]))
    lines = list(pairwise(known))
    (low, less), (high, more) = next((line for line in lines if size_mb <= line[1][0]), lines[-1])
    return max(0, round(less + (size_mb - low) * (more - less) / (high - low)))
