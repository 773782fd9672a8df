"""The speech-to-text engines: hushd's own, and those of other packages."""

from __future__ import annotations

from dataclasses import replace

from hushd_schema.description import HearingEngine
from hushd_worker.engine import described
from hushd_worker.engine_registry import EngineRegistry
from msgspec import structs

from .engine import Engine, of_model


def _description(engine: type[Engine]) -> HearingEngine:
    spec = engine.SPEC
    models = [
        replace(model, installed=engine.installed(model.name), translation=of_model(spec, model).translates)
        for model in engine.models()
    ]
    installed = any(model.installed for model in models)
    return described(HearingEngine, engine, models, installed=installed, translation=spec.translates)


REGISTRY: EngineRegistry[Engine, HearingEngine] = EngineRegistry(
    role="stt",
    kind="speech-to-text",
    contract=Engine,
    describe_engine=_description,
    max_bytes=40_000,
    shorten=(
        lambda engine: structs.replace(engine, models=tuple(model for model in engine.models if model.installed)),
    ),
)
