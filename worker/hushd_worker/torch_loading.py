"""Imports torch, and makes its modules use weights mapped from their files, for packages that fill and copy weights
themselves.

Such a package makes a module, filled with random numbers, reads a file, and copies each weight into the module. Inside
`mapped_weights` nothing is filled, files are mapped, and the mapped weights replace the module's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# Turns of a loop before a thread that waits for the others sleeps; libgomp's default is 300,000. With two threads on
# two cores with nothing else to do a small Whisper took as long as with the default (0.94 and 0.92 s, and 7 % less of
# the processor); beside sixteen busy processes it took 2.3 s instead of 12.3, and 0.5 s of the processor instead of
# 1.9.
_TURNS = "10000"


def import_torch() -> Any:
    """Imports torch such that its threads do not spin for long, unless the environment sets how they wait; returns it.
    Raises ImportError if torch is not installed, or does not load."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _TURNS)  # read by libgomp when it is loaded
    import torch

    return torch


_FILLING = ("normal_", "uniform_", "erfinv_")  # the functions behind torch's and other packages' initialisations


class Unfilled(Exception):
    """A file lacks weights, which would then be random memory: the module must be made in the package's own way."""


@contextmanager
def mapped_weights(torch: Any) -> Iterator[None]:
    """Makes modules that are made and loaded inside it take their weights from mapped files. Raises Unfilled from
    inside, if a file lacks some of a module's weights."""
    module = torch.nn.Module
    with (
        unfilled(torch),
        _replaced(torch, {"load": mapping(torch.load)}),
        _replaced(module, {"load_state_dict": _assigning(module.load_state_dict)}),
    ):
        yield


@contextmanager
def unfilled(torch: Any) -> Iterator[None]:
    """Leaves the weights of modules that are made inside it as memory that nobody has touched: no number is drawn."""
    with _replaced(torch.Tensor, dict.fromkeys(_FILLING, _as_is)), _replaced(torch.nn.init, {"trunc_normal_": _as_is}):
        yield


@contextmanager
def _replaced(owner: Any, values: Mapping[str, object]) -> Iterator[None]:
    """Replaces attributes of a module or class temporarily; afterwards, inherited ones are inherited again."""
    original = {name: vars(owner)[name] for name in values if name in vars(owner)}
    for name, value in values.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name in values:
            if name in original:
                setattr(owner, name, original[name])
            else:
                delattr(owner, name)


def _as_is(tensor: Any, *_: Any, **__: Any) -> Any:
    return tensor


def mapping(load: Callable[..., Any]) -> Callable[..., Any]:
    """Returns `torch.load` such that tensors are pages of the file."""

    def mapped(file: Any, *arguments: Any, **others: Any) -> Any:
        if isinstance(file, str | Path):
            with suppress(RuntimeError):  # torch's format before 1.6 cannot be mapped
                return load(file, *arguments, **others, mmap=True)
        return load(file, *arguments, **others)

    return mapped


def _assigning(load: Callable[..., Any]) -> Callable[..., Any]:
    def assigned(module: Any, state: Mapping[str, Any], *arguments: Any, **others: Any) -> Any:
        own = module.state_dict()
        same = all(own[name].dtype == weight.dtype for name, weight in state.items() if name in own)
        answer = load(module, state, *arguments, **others, assign=same)
        if lacking := {name for name, _ in module.named_parameters()}.intersection(answer.missing_keys):
            raise Unfilled(min(lacking))
        return answer

    return assigned
