"""The speech-to-text engines: hushd's own, and those of other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_models import precision
from hushd_models.store import Store
from hushd_protocol.light_dataclass import replace
from hushd_protocol.system import paths
from hushd_worker.engine_registry import EngineRegistry

from .engine import Engine

if TYPE_CHECKING:
    from hushd_schema.description import HearingEngine


def _description(engine: type[Engine]) -> HearingEngine:
    from hushd_schema.description import HearingEngine, ModelDescription  # not needed by workers

    info, store = engine.INFO, Store(paths.find())
    models = tuple(
        ModelDescription.like(
            model,
            memory_mb=precision.memory_mb(store, f"{info.name}/{model.name}") or model.memory_mb,
            translation=info.translates(model),
            installed=engine.installed(model.name),
        )
        for model in engine.models()
    )
    return HearingEngine.like(info, installed=any(model.installed for model in models), models=models)


REGISTRY: EngineRegistry[Engine, HearingEngine] = EngineRegistry(
    role="stt",
    kind="speech-to-text",
    contract=Engine,
    describe_engine=_description,
    max_bytes=40_000,
    shorten=(lambda engine: replace(engine, models=tuple(model for model in engine.models if model.installed)),),
)
