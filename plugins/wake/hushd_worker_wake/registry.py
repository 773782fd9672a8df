"""The registry of wake-word engines, hushd's own and other packages'."""

from __future__ import annotations

from hushd_schema.description import WaitingEngine
from hushd_worker.engine import described
from hushd_worker.engine_registry import EngineRegistry

from .engine import Engine


def _description(engine: type[Engine]) -> WaitingEngine:
    models = engine.models()
    installed = any(model.installed for model in models)
    return described(WaitingEngine, engine, models, installed=installed, words=engine.words())


REGISTRY: EngineRegistry[Engine, WaitingEngine] = EngineRegistry(
    role="wake", kind="wake-word", contract=Engine, describe_engine=_description, max_bytes=10_000, shorten=()
)
