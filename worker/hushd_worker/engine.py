"""The declarations of engines of every role, and their models.

Light, since engines' modules import it.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from hushd_models.installation import engine_command
from hushd_schema.description import ModelDescription

if TYPE_CHECKING:
    from hushd_schema.description import EngineDescription
    from hushd_schema.engines import EngineSpec

D = TypeVar("D", bound="EngineDescription")


def _nobody_asks() -> None:
    """Does nothing, since without a client there is no cancel."""


class BaseEngine(ABC):
    """The base of each role's `Engine`: what an engine with one loaded model declares, with the defaults.

    Attributes:
        SPEC: its description, which needs no run of it; other packages' engines may make one by code.
        compute_device: set by `load`: `cpu`, `cuda`, `rocm`, `vulkan` or `mps` (`hushd_worker.compute_device`).
        why_there: set by `load` if a card is available but not used: the reason.
        leave_s: set by `load` if `close` may take long.
        economy: set before each piece: whether memory is short, so that the engine should use less if possible (a
            smaller beam, shorter pieces), even at the cost of quality.
        degraded: cleared before each piece; the engine sets it if it has used less memory, which the result reports. An
            engine that cannot does not set it.
        check: set before each piece: raises `Cancelled` once the client has gone. An engine that takes seconds for a
            piece calls it from time to time, and must not catch the exception.
    """

    SPEC: ClassVar[EngineSpec]
    compute_device: str = "cpu"
    why_there: str = ""
    leave_s: float = 0.0
    economy: bool = False
    degraded: bool = False
    check: Callable[[], None] = staticmethod(_nobody_asks)

    @classmethod
    @abstractmethod
    def models(cls) -> tuple[Model, ...]:
        """Returns all models, even missing ones; only reads files, and works even if the engine is not installed."""

    @classmethod
    def install(cls) -> str:
        """Returns the command that installs it."""
        return engine_command(cls.SPEC)

    def release_memory(self) -> None:
        """Gives back memory that only work needs, when no job is left; by default that of ONNX Runtime's arena."""
        if arena := sys.modules.get("hushd_worker.onnx_arena"):  # none of its sessions without it
            arena.shrink()

    def close(self) -> None:  # noqa: B027
        """Ends what `load` has started, before the worker leaves; does nothing by default."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model; each worker process loads one.

    Attributes:
        languages: tags; `und` for undetermined ones.
        memory_mb: a worker's PSS, or its private memory for small models, in 10^6 bytes.
        embedded: whether it comes with its engine's package, so that nothing has to be downloaded.
        installed: whether it can be loaded here; an engine for speech to text says so elsewhere.
        translation: whether it was trained to translate, if its engine can.
        streaming, word_times, options: as in `EngineSpec`, for an engine whose models differ; None, like that of
            `translation`, means: as for the engine.
    """

    name: str
    languages: tuple[str, ...]
    memory_mb: float
    embedded: bool = False
    installed: bool = False
    translation: bool | None = None
    streaming: bool | None = None
    word_times: bool | None = None
    options: tuple[str, ...] | None = None

    @classmethod
    def well_known(cls, spec: EngineSpec, installed: Callable[[str], bool] = lambda name: False) -> tuple[Model, ...]:
        """Returns a spec's models of its own role, with an entry for each alias."""
        return tuple(
            cls(
                name,
                tuple(content["languages"].split()),
                content["memory_mb"],
                embedded="package" in content and "system" not in content,
                installed=installed(name),
                translation=content.get("translation"),
            )
            for own, content in spec.models.items()
            if not content.get("voice")
            for name in (own, *content.get("aliases", ()))
        )


def described(kind: type[D], engine: type[BaseEngine], models: Iterable[Model], **more: Any) -> D:
    """Returns the description of an engine, a `kind` by role: by its spec, and its models."""
    entries = tuple(ModelDescription.like(model) for model in models)
    return kind.like(engine.SPEC, install=engine.install(), models=entries, **more)
