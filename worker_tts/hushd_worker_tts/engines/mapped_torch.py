"""Modules of torch whose weights are pages of their files, for a package that fills and copies them itself.

A package makes a module, which fills it with random numbers, reads a file, and copies each weight into its place.
Within `mapped_weights` nothing is filled, files are mapped, and what was mapped takes the place of what it was to
be copied to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_FILLING = ("normal_", "uniform_", "erfinv_")  # what torch's and others' initialisations come down to


class Unfilled(Exception):
    """A file lacks weights, which would be whatever was in memory: the module has to be made as its package does."""


@contextmanager
def mapped_weights(torch: Any) -> Iterator[None]:
    """Has modules that are made and loaded within it take their weights from mapped files.

    Raises:
        Unfilled: from within, when a file lacks some of a module's weights.
    """
    module = torch.nn.Module
    with (
        _replaced(torch.Tensor, dict.fromkeys(_FILLING, _leave)),
        _replaced(torch.nn.init, {"trunc_normal_": _leave}),
        _replaced(torch, {"load": _mapping(torch.load)}),
        _replaced(module, {"load_state_dict": _assigning(module.load_state_dict)}),
    ):
        yield


@contextmanager
def _replaced(owner: Any, values: Mapping[str, object]) -> Iterator[None]:
    """Has attributes of a module or class be others; what it inherits it inherits again afterwards."""
    own = {name: vars(owner)[name] for name in values if name in vars(owner)}
    for name, value in values.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name in values:
            if name in own:
                setattr(owner, name, own[name])
            else:
                delattr(owner, name)


def _leave(tensor: Any, *_: Any, **__: Any) -> Any:
    return tensor


def _mapping(load: Callable[..., Any]) -> Callable[..., Any]:
    def mapped(file: Any, *arguments: Any, **others: Any) -> Any:
        if isinstance(file, str | Path):
            with suppress(RuntimeError):  # in torch's format before 1.6, which cannot be mapped
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
