"""The precision of a model that a worker loads: the original weights, or those that hushd has made of them in int8.

`ENGINE/.NAME.int8/` in the models folder has the results of `hushd models shrink ENGINE/NAME`: `record.json`, with the
figures of both on this machine, and, where int8 was as good, a models folder of its own, in which the smaller files lie
as any model's. It gets its name once it is whole; until then it is `.NAME.int8.new/`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.values import Finite
from hushd_schema.record import Record
from msgspec import field

from . import catalogue
from .manifest import split
from .store import Store

INT8, ORIGINAL, AUTO = "int8", "original", "auto"
MORE_WRONG = 0.02  # share of all words that int8 may hear wrongly beyond the original
MORE_TIME = 1.2  # times the original's
AS_FAST = 1.05  # times the original's: no difference on a machine that has more to do


class Figures(Record, frozen=True, kw_only=True):
    """The trial's sentences by one precision: wrong ones of all words, processor time without the load, seconds of
    speech, and the peak of resident memory with the load."""

    wrong: int
    words: int
    seconds: Finite
    sound_s: Finite
    memory_mb: Finite


class Trial(Record, frozen=True, kw_only=True):
    """The record of a comparison: its result in a sentence, and size and time of change of each original file, by its
    path; without files where int8 was not `as_good`."""

    as_good: bool
    why: str
    original: Figures
    int8: Figures
    source: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def place(store: Store, model: str, within: Path | None = None) -> Path:
    """Returns the path of a model's int8 files, a folder or one graph; `within` another folder than the usual one."""
    engine, name = split(model)
    spec = catalogue.engine(engine)
    return (within or store.int8_folder(model)) / engine / (f"{name}.onnx" if spec and spec.flat else name)


def find(store: Store, model: str) -> Trial | None:
    """Returns the record of a model's trial; None without one, or after a change of the original's files."""
    try:
        trial = Trial.from_data(json.loads((store.int8_folder(model) / "record.json").read_bytes()), "the record")
    except (OSError, ValueError, RecursionError, HushdError):
        return None
    return trial if trial.source and trial.source == identity(trial.source) else None


def identity(paths: Iterable[str | Path]) -> dict[str, tuple[int, ...]]:
    """Returns size and time of change (ns) of each file that exists, by its path."""
    states: dict[str, tuple[int, ...]] = {}
    for path in paths:
        with suppress(OSError):
            state = Path(path).stat()
            states[str(path)] = (state.st_size, state.st_mtime_ns)
    return states


def judge(original: Figures, int8: Figures) -> str:
    """Returns why int8 is worse than the original; empty where it is as good."""
    if not original.words:
        return "nothing was heard of it to compare"
    if int8.wrong - original.wrong > MORE_WRONG * original.words:
        return f"more than {MORE_WRONG:.0%} more words are wrong"
    if int8.seconds > MORE_TIME * original.seconds:
        return f"it takes more than {MORE_TIME} times the time"
    if int8.memory_mb >= original.memory_mb and AS_FAST * int8.seconds >= original.seconds:
        return "it saves neither memory nor time"
    return ""


def decide(wish: str, trial: Trial | None, free_mb: float, *, on_card: bool = False) -> tuple[str, str]:
    """Decides what a worker loads, `int8` or `original`; returns that and why.

    Args:
        free_mb: the memory that a new process could take.
        on_card: whether the worker may compute on a graphics card, for which int8 was not measured.
    """
    if trial is None:
        return ORIGINAL, "no int8 files were made of it here"
    if wish == ORIGINAL or not trial.as_good:
        return ORIGINAL, "as configured" if trial.as_good else trial.why
    if wish == INT8:
        return INT8, "as configured"
    if on_card:
        return ORIGINAL, "int8 was measured on the processor alone"
    if trial.int8.seconds <= AS_FAST * trial.original.seconds:
        return INT8, trial.why
    if trial.original.memory_mb > free_mb:
        return INT8, f"the original takes {trial.original.memory_mb:.0f} MB, and {free_mb:.0f} MB are free"
    return ORIGINAL, f"it is faster, and its {trial.original.memory_mb:.0f} MB are free"


def memory_mb(store: Store, model: str) -> float:
    """Returns the memory measured for what `auto` loads of a model while there is room for either; 0: unmeasured."""
    trial = find(store, catalogue.canonical(model))
    loads_int8 = decide(AUTO, trial, math.inf)[0] == INT8
    return (trial.int8 if loads_int8 else trial.original).memory_mb if trial else 0.0
