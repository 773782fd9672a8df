"""The registry of wake-word engines, hushd's own and other packages'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_worker.engine import descriptions
from hushd_worker.engine_registry import EngineRegistry

from .engine import Engine

if TYPE_CHECKING:
    from hushd_schema.description import WaitingEngine


def _description(engine: type[Engine]) -> WaitingEngine:
    from hushd_schema.description import WaitingEngine, WakeWord  # not needed in a worker

    info = engine.info()
    words = tuple(WakeWord(name=word.name, phrase=word.phrase, languages=word.languages) for word in info.words)
    return WaitingEngine(
        name=info.name,
        installed=info.installed and any(model.installed for model in info.models),
        install=info.install,
        default_model=info.default_model,
        models=descriptions(info.name, info.models),
        words=words,
    )


REGISTRY: EngineRegistry[Engine, WaitingEngine] = EngineRegistry(
    role="wake", kind="wake-word", contract=Engine, describe_engine=_description, max_bytes=10_000, shorten=()
)
