"""Which engines there are: hushd's own, and those that other packages add by the entry point group."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import nearest

from .engine import TtsEngine

GROUP = "hushd.tts_engines"
# Bytes of JSON. The description of both roles has to fit into one answer of the supervisor's, of 64 KiB.
MOST = 60_000
# The same as in pyproject.toml. Known here because reading the metadata of all installed packages costs a cold start
# 40 to 50 ms.
OWN = {
    "hibari": "hushd_worker_tts.engines.hibari:Hibari",
    "kokoro": "hushd_worker_tts.engines.kokoro:Kokoro",
    "piper": "hushd_worker_tts.engines.piper:Piper",
    "espeak-ng": "hushd_worker_tts.engines.espeak_ng:EspeakNg",
    "chatterbox": "hushd_worker_tts.engines.chatterbox:Chatterbox",
    "command": "hushd_worker_tts.engines.command:Command",
}


def find(name: str) -> type[TtsEngine]:
    """The engine class of that name.

    Raises:
        HushdError: `engine_missing` when no package has it, or it does not import.
    """
    reference = OWN.get(name) or _added().get(name)
    if reference is None:
        known = sorted(OWN.keys() | _added().keys())
        raise HushdError(
            "engine_missing",
            f"There is no text-to-speech engine {quoted(name)}{did_you_mean(name, known)}: use {listed(known)}, "
            f"or install a package that adds it (entry point group {GROUP}).",
        )
    try:
        return _import(reference)
    except Exception as error:
        raise HushdError(
            "engine_missing",
            f"The text-to-speech engine {name} does not import ({type(error).__name__}: {error}): "
            "install its package again.",
        ) from error


def describe() -> dict[str, Any]:
    """All engines, models and voices as JSON types. An added engine that does not import is left out, and said so."""
    engines = []
    for name, reference in {**OWN, **_added(), **OWN}.items():
        try:
            engine = _import(reference)
            info, voices = engine.info(), engine.voices()
        except Exception as error:
            print(f"hushd: the engine {name} is left out: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        engines.append(
            {
                "name": name,
                "installed": info.installed,
                "install": info.install,
                "default_model": info.default_model,
                "default_voice": info.default_voice,
                "models": [asdict(model) for model in info.models],
                "voices": [{**asdict(voice), "engine": name} for voice in voices],
                "streaming": info.streaming,
            }
        )
    _fit(engines)
    return {"role": "tts", "version": __version__, "engines": engines}


def _fit(engines: list[dict[str, Any]]) -> None:
    """Leaves out, if there is too much to tell, what can be spared: voices that are not here, samples, the last voices
    of many."""
    spare: list[Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = [
        lambda voices: voices,
        lambda voices: [voice for voice in voices if voice["installed"]],
        lambda voices: [voice | {"sample": ""} for voice in voices],
        lambda voices: voices[:60],
    ]
    for step in spare:
        for engine in engines:
            engine["voices"] = step(engine["voices"])
        if len(json.dumps(engines, ensure_ascii=False).encode()) <= MOST:
            break


def quoted(value: object) -> str:
    """What a user typed, fit to stand in a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """` (did you mean X?)`, or nothing when nothing comes close or `word` is no text."""
    close = nearest(word, known)
    return f" (did you mean {close}?)" if close else ""


def listed(names: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def _added() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=GROUP)}


def _import(reference: str) -> type[TtsEngine]:
    module, _, name = reference.partition(":")
    engine: type[TtsEngine] = getattr(importlib.import_module(module), name)
    return engine
