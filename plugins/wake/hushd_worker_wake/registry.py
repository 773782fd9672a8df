"""The registry of wake-word engines, hushd's own and other packages'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_worker.engine import described
from hushd_worker.engine_registry import EngineRegistry

from .engine import Engine

if TYPE_CHECKING:
    from hushd_schema.description import WaitingEngine


def _description(engine: type[Engine]) -> WaitingEngine:
    from hushd_schema.description import WaitingEngine  # not needed in a worker

    models = engine.models()
    installed = any(model.installed for model in models)
    return described(WaitingEngine, engine, models, installed=installed, words=engine.words())


REGISTRY: EngineRegistry[Engine, WaitingEngine] = EngineRegistry(
    role="wake", kind="wake-word", contract=Engine, describe_engine=_description, max_bytes=10_000, shorten=()
)
