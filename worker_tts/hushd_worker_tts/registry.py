"""The text-to-speech engines: hushd's own, and those of other packages."""

from __future__ import annotations

from hushd_schema.description import SpeakingEngine, Voice
from hushd_worker.engine import described
from hushd_worker.engine_registry import EngineRegistry
from msgspec.structs import replace

from .engine import Engine, usual_model, usual_voice


def _description(engine: type[Engine]) -> SpeakingEngine:
    spec, models = engine.SPEC, engine.models()
    return described(
        SpeakingEngine,
        engine,
        models,
        installed=engine.available(),
        default_model=usual_model(spec, models),
        default_voice=usual_voice(spec, models),
        voices=tuple(Voice.like(voice, engine=spec.name) for voice in engine.voices()),
        streaming=True,  # each makes audio while it still reads text
    )


REGISTRY: EngineRegistry[Engine, SpeakingEngine] = EngineRegistry(
    role="tts",
    kind="text-to-speech",
    contract=Engine,
    describe_engine=_description,
    max_bytes=55_000,
    shorten=(
        lambda engine: replace(engine, voices=tuple(voice for voice in engine.voices if voice.installed)),
        lambda engine: replace(engine, voices=tuple(replace(voice, sample="") for voice in engine.voices)),
        lambda engine: replace(engine, voices=engine.voices[:60]),
    ),
)
