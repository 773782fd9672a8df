"""The text-to-speech engines: hushd's own, and those of other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_protocol.light_dataclass import replace
from hushd_worker.engine import descriptions
from hushd_worker.engine_registry import EngineRegistry

from .engine import Engine

if TYPE_CHECKING:
    from hushd_schema.description import SpeakingEngine


def _description(engine: type[Engine]) -> SpeakingEngine:
    from hushd_schema.description import SpeakingEngine, VoiceDescription  # not needed by workers

    info = engine.info()
    voices = tuple(VoiceDescription.like(voice, engine=info.name) for voice in engine.voices())
    return SpeakingEngine.like(info, models=descriptions(info.name, info.models), voices=voices)


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
