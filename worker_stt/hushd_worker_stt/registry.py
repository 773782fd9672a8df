"""The speech-to-text engines: hushd's own, and those of other packages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hushd_worker.engine_registry import EngineRegistry, Entries

from .engine import Engine


def _description(engine: type[Engine]) -> dict[str, Any]:
    models = [
        asdict(model) | {"translation": engine.INFO.translates(model), "installed": engine.installed(model.name)}
        for model in engine.models()
    ]
    description = asdict(engine.INFO) | {"models": models, "installed": any(model["installed"] for model in models)}
    del description["name"]  # the entry point's counts
    return description


def _without_missing_models(engines: Entries) -> Entries:
    return [engine | {"models": [model for model in engine["models"] if model["installed"]]} for engine in engines]


REGISTRY: EngineRegistry[Engine] = EngineRegistry(
    role="stt",
    kind="speech-to-text",
    contract=Engine,
    describe_engine=_description,
    largest=30_000,
    shorten=(_without_missing_models,),
)
