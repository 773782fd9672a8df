"""The text-to-speech engines: hushd's own, and those of other packages."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from hushd_worker.engine_registry import EngineRegistry, Entries, without_missing

from .engine import TtsEngine, Voice


def _description(engine: type[TtsEngine]) -> dict[str, Any]:
    info, voices = engine.info(), engine.voices()
    return {
        "installed": info.installed,
        "install": info.install,
        "default_model": info.default_model,
        "default_voice": info.default_voice,
        "models": [asdict(model) for model in info.models],
        "voices": [_voice(voice) | {"engine": info.name} for voice in voices],
        "streaming": info.streaming,
    }


def _voice(voice: Voice) -> dict[str, Any]:
    return {name: value for name, value in asdict(voice).items() if name != "loudness"}


def _without_samples(engines: Entries) -> Entries:
    return [engine | {"voices": [voice | {"sample": ""} for voice in engine["voices"]]} for engine in engines]


def _few_voices(engines: Entries) -> Entries:
    return [engine | {"voices": engine["voices"][:60]} for engine in engines]


REGISTRY: EngineRegistry[TtsEngine] = EngineRegistry(
    role="tts",
    kind="text-to-speech",
    contract=TtsEngine,
    describe_engine=_description,
    largest=60_000,
    shorten=(partial(without_missing, what="voices"), _without_samples, _few_voices),
)
