"""A model of an engine for text to speech or wake words, and its description. Light, since engines' modules import
it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hushd_protocol.light_dataclass import dataclass

if TYPE_CHECKING:
    from hushd_schema.description import ModelDescription


@dataclass(frozen=True, slots=True)
class Model:
    """A model; each worker process loads one.

    Attributes:
        memory_mb: a worker's PSS, or its private memory for small models, in 10^6 bytes.
        embedded: whether it comes with its engine's package.
        installed: whether it can be loaded here.
    """

    name: str
    languages: tuple[str, ...]
    memory_mb: float
    embedded: bool
    installed: bool


def descriptions(models: Iterable[Model]) -> tuple[ModelDescription, ...]:
    """Describes the models of an engine for a listing."""
    from hushd_schema.description import ModelDescription  # not for a worker

    return tuple(
        ModelDescription(
            name=model.name,
            languages=model.languages,
            memory_mb=model.memory_mb,
            embedded=model.embedded,
            installed=model.installed,
        )
        for model in models
    )
