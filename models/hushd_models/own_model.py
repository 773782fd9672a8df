"""A model that the catalogue does not know: its role and languages, read from its files without loading it, and its
memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


def role(engine: str, files: Iterable[Path]) -> str:
    """The role of a model of such files: its engine's, as a rule; empty for an engine of which nothing is known."""
    spec = catalogue.engine(engine)
    if spec is None:
        return ""
    try:
        return spec.role_of(files) if spec.role_of else spec.role
    except Exception:  # as above
        return spec.role


def memory_mb(engine: str, files: Mapping[str, int]) -> int:
    """About what a worker takes at its peak with a model of such files, given with their sizes in bytes; 0 for an
    engine of which nothing is known."""
    spec = catalogue.engine(engine)
    if spec and spec.memory_mb:
        return round(spec.memory_mb(files))
    return _by_the_line(engine, sum(files.values()) / 1e6)


def _by_the_line(engine: str, size_mb: float) -> int:
    """As the catalogue's models of its engine do."""
    known = sorted({(model.size_mb, model.memory_mb) for model in catalogue.of(engine)})
    if not known:
        return 0
    if len(known) == 1:
        return max(0, round(known[0][1] + size_mb - known[0][0]))
    lines = list(pairwise(known))
    (low, less), (high, more) = next((line for line in lines if size_mb <= line[1][0]), lines[-1])
    return max(0, round(less + (size_mb - low) * (more - less) / (high - low)))
