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
        ModelDescription(
            name=model.name,
            languages=model.languages,
            memory_mb=precision.memory_mb(store, f"{info.name}/{model.name}") or model.memory_mb,
            embedded=model.embedded,
            translation=info.translates(model),
            word_times=model.word_times,
            installed=engine.installed(model.name),
        )
        for model in engine.models()
    )
    return HearingEngine(
        name=info.name,
        installed=any(model.installed for model in models),
        install=info.install,
        default_model=info.default_model,
        models=models,
        streaming=info.streaming,
        word_times=info.word_times,
        translation=info.translation,
        options=info.options,
    )


REGISTRY: EngineRegistry[Engine, HearingEngine] = EngineRegistry(
    role="stt",
    kind="speech-to-text",
    contract=Engine,
    describe_engine=_description,
    max_bytes=40_000,
    shorten=(lambda engine: replace(engine, models=tuple(model for model in engine.models if model.installed)),),
)
