"""Models whose files are in the page cache: their workers start without waiting for the disk.

They are looked up on request, and never stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from hushd_models.inventory import Row, of_engine, rows
from hushd_models.store import Store
from hushd_protocol.system import page_cache, paths


class WarmModel(NamedTuple):
    """A model on this machine, and the bytes of its files in the page cache."""

    row: Row
    cached: int


def warm_models(engines: Iterable[str]) -> list[WarmModel]:
    """Returns the models of `engines` that are partly or wholly in the page cache, largest first."""
    store = Store(paths.find())
    return sorted(_warm(row for name in engines for row in of_engine(store, name)), key=lambda model: -model.cached)


def drop(words: Sequence[str]) -> list[WarmModel]:
    """Drops models' files from the page cache, except pages that workers have mapped; returns the dropped bytes of
    each.

    Args:
        words: only models of these roles, engines or names, such as `stt`, `tts/hibari`, `stt/onnx-asr/NAME`.
    """
    dropped: list[WarmModel] = []
    for row, cached_before in _warm(row for row in rows(Store(paths.find())) if _is_meant(row, words)):
        for path in row.paths:
            with suppress(OSError):  # the file has gone
                page_cache.drop(path)
        if (fewer := cached_before - _cached(row)) > 0:
            dropped.append(WarmModel(row, fewer))
    return dropped


def lines(models: Sequence[WarmModel]) -> list[str]:
    """Returns a line for each model, for people."""
    return [
        f"warm {row.model}: {cached / 1e6:.0f} of {row.size / 1e6:.0f} MB are in the system's cache"
        for row, cached in models
    ]


def _warm(models: Iterable[Row]) -> Iterator[WarmModel]:
    for row in models:
        if cached := _cached(row):
            yield WarmModel(row, cached)


def _is_meant(row: Row, words: Sequence[str]) -> bool:
    name = f"{row.role}/{row.model}/"
    return not words or any(name.startswith(f"{word}/") for word in words)


def _cached(row: Row) -> int:
    return sum(page_cache.cached(path) or 0 for path in row.paths)
