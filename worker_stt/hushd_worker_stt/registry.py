"""The speech-to-text engines: hushd's own, and those of other packages."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from hushd_worker.engine_registry import EngineRegistry, without_missing

from .engine import Engine


def _description(engine: type[Engine]) -> dict[str, Any]:
    models = [
        asdict(model) | {"translation": engine.INFO.translates(model), "installed": engine.installed(model.name)}
        for model in engine.models()
    ]
    description = asdict(engine.INFO) | {"models": models, "installed": any(model["installed"] for model in models)}
    del description["name"]  # the entry point's counts
    return description


REGISTRY: EngineRegistry[Engine] = EngineRegistry(
    role="stt",
    kind="speech-to-text",
    contract=Engine,
    describe_engine=_description,
    largest=30_000,
    shorten=(partial(without_missing, what="models"),),
)
