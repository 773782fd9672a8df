"""The declarations of engines of every role, and a model of an engine for text to speech or wake words.

Light, since engines' modules import it.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from hushd_protocol.light_dataclass import dataclass

from . import onnx_arena

if TYPE_CHECKING:
    from hushd_schema.description import ModelDescription


def _nobody_asks() -> None:
    """Does nothing, since without a client there is no cancel."""


class BaseEngine(ABC):  # noqa: B024  (each role adds the abstract methods)
    """The base of each role's `Engine`: what an engine with one loaded model declares, with the defaults.

    Attributes:
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

    compute_device: str = "cpu"
    why_there: str = ""
    leave_s: float = 0.0
    economy: bool = False
    degraded: bool = False
    check: Callable[[], None] = staticmethod(_nobody_asks)

    def rest(self) -> None:
        """Gives back memory that only work needs, when no job is left; by default that of ONNX Runtime's arena."""
        onnx_arena.shrink()

    def close(self) -> None:  # noqa: B027
        """Ends what `load` has started, before the worker leaves; does nothing by default."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model; each worker process loads one.

    Attributes:
        memory_mb: a worker's PSS, or its private memory for small models, in 10^6 bytes.
        embedded: whether it comes with its engine's package.
    """

    name: str
    languages: tuple[str, ...]
    memory_mb: float
    embedded: bool
    installed: bool


def descriptions(engine: str, models: Iterable[Model]) -> tuple[ModelDescription, ...]:
    """Describes the models of an engine for a listing, with the memory that was measured, or else is known."""
    from hushd_models import precision  # not for a worker
    from hushd_models.store import Store
    from hushd_protocol.system import paths
    from hushd_schema.description import ModelDescription

    store = Store(paths.find())
    return tuple(
        ModelDescription.like(model, memory_mb=precision.memory_mb(store, f"{engine}/{model.name}") or model.memory_mb)
        for model in models
    )
