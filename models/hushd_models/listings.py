"""Lists the installed models and voices for other programs: OpenAI's models and voices, Wyoming's `info`.

The lists are made from the catalogues that the workers' packages print (`--describe`). A gateway keeps the catalogues
in a file for the next one: listing the engines takes 0.3 s or more, which one that is started for one request need not
do again.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hushd_protocol import JsonObject, __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file, best_effort
from hushd_schema.description import Descriptions

from . import languages

if TYPE_CHECKING:
    from hushd_schema.description import EngineDescription, ModelDescription, SpeakingDescription, Voice

D = TypeVar("D", bound="EngineDescription")

# OpenAI's own names: programs offer them, and some require them in the list.
OPENAI_NAMES: Mapping[str, tuple[str, ...]] = {
    "stt": ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize", "gpt-transcribe"),
    "tts": ("tts-1", "tts-1-hd", "gpt-4o-mini-tts"),
}
TASKS = {"stt": "automatic-speech-recognition", "tts": "text-to-speech"}
_ATTRIBUTION = {"name": "hushd", "url": "https://pypi.org/project/hushd/"}


def model(name: str, role: str, owner: str = "hushd") -> JsonObject:
    """Returns an entry of `models`."""
    task = TASKS[role]
    return {"id": name, "object": "model", "created": 0, "owned_by": owner, "shutdown_date": None, "task": task}


def models(catalogues: Descriptions, aliases: Mapping[str, str] | None = None) -> list[JsonObject]:
    """Returns the entries of `GET /v1/models`: each installed ENGINE/NAME, OpenAI's names, and the user's `aliases`.
    Like speaches, it lists the languages of speech-to-text models and the voices of text-to-speech models."""
    entries = [
        model(f"{engine.name}/{entry.name}", "stt", engine.name) | {"language": list(entry.languages)}
        for engine, entry in _installed(catalogues.stt.engines, catalogues.stt.default)
    ]
    for engine, entry in _installed(catalogues.tts.engines, catalogues.tts.default):
        voices = [_voice(voice) for voice in engine.voices if voice.installed and voice.model == entry.name]
        entries.append(model(f"{engine.name}/{entry.name}", "tts", engine.name) | {"voices": voices})
    entries += [model(name, role) for role, names in OPENAI_NAMES.items() for name in names]
    known = {entry["id"]: entry["task"] for entry in entries}
    for name, meant in (aliases or {}).items():
        if name not in known:
            role = "tts" if known.get(meant) == TASKS["tts"] else "stt"
            entries.append(model(name, role))
    return entries


def voices(catalogues: Descriptions) -> list[JsonObject]:
    """Returns the entries of `GET /v1/audio/voices`: each installed voice, the default engine's first."""
    return [{"id": voice.name, **_voice(voice)} for voice in _voices(catalogues.tts)]


def info(catalogues: Descriptions) -> JsonObject:
    """Returns the data of Wyoming's `info`: a program for speech to text, and one for text to speech.

    Home Assistant uses the first voice of a language by name, so robotic voices are only offered for languages without
    any other.
    """
    asr = [
        _artifact(f"{engine.name}/{entry.name}") | {"languages": list(entry.languages)}
        for engine, entry in _installed(catalogues.stt.engines, catalogues.stt.default)
    ]
    offered = list(_voices(catalogues.tts))
    robotic = {engine.name for engine in catalogues.tts.engines if engine.robotic}
    natural = {languages.code(voice.language) for voice in offered if voice.engine not in robotic}
    speakers = [
        _artifact(voice.name) | {"languages": [voice.language], "speakers": None}
        for voice in offered
        if voice.engine not in robotic or languages.code(voice.language) not in natural
    ]
    hears = {"models": asr, "supports_transcript_streaming": True, "requires_external_vad": True}
    speaks = {"voices": speakers, "supports_synthesize_streaming": True}
    none: JsonObject = {kind: [] for kind in ("handle", "intent", "mic", "snd", "wake")}
    return {
        "asr": [_program(installed=bool(asr)) | hears],
        "tts": [_program(installed=bool(speakers)) | speaks],
        **none,
        "satellite": None,
    }


def info_event(data: JsonObject) -> bytes:
    """Returns the event `info` as bytes for the wire."""
    body = json.dumps(data, ensure_ascii=False).encode()
    head = {"type": "info", "version": "1.10.2", "data_length": len(body)}
    return json.dumps(head).encode() + b"\n" + body


def _voice(voice: Voice) -> JsonObject:
    return {"name": voice.name, "language": voice.language, "gender": voice.gender}


def _program(*, installed: bool) -> JsonObject:
    artifact = _artifact("hushd") | {"description": "hushd, a voice and ears on this machine"}
    return artifact | {"installed": installed}


def _artifact(name: str) -> JsonObject:
    return {"name": name, "attribution": _ATTRIBUTION, "installed": True, "description": name, "version": __version__}


def _engines(engines: Iterable[D], default: str) -> list[D]:
    """Returns the installed engines, that of the default ENGINE/MODEL first."""
    default_engine = default.partition("/")[0]
    return sorted((engine for engine in engines if engine.installed), key=lambda engine: engine.name != default_engine)


def _installed(engines: Iterable[D], default: str) -> Iterator[tuple[D, ModelDescription]]:
    """Yields the installed models with their engines, the default model of each engine first."""
    usual = default.partition("/")[2]
    for engine in _engines(engines, default):
        entries = (entry for entry in engine.models if entry.installed)
        for entry in sorted(entries, key=lambda entry: entry.name != usual):
            yield engine, entry


def _voices(catalogue: SpeakingDescription) -> Iterator[Voice]:
    """Yields the installed voices, each engine's default voice first; a name counts once."""
    seen: set[str] = set()
    for engine in _engines(catalogue.engines, catalogue.default):
        entries = [voice for voice in engine.voices if voice.installed]
        default = engine.default_voice
        for voice in sorted(entries, key=lambda voice: voice.name != default):
            if voice.name not in seen:
                seen.add(voice.name)
                yield voice


def save_catalogues(path: Path, catalogues: Descriptions) -> None:
    """Replaces the file by `catalogues`; if that fails, there is no file."""
    try:
        atomic_file.replace(path, json.dumps(catalogues.data(), ensure_ascii=False), mode=0o600)
    except OSError as error:
        best_effort.failed(path, error)
        with best_effort.writing(path):
            path.unlink(missing_ok=True)


def load_catalogues(path: Path) -> Descriptions:
    """Returns the catalogues; empty ones if there is no file."""
    try:
        return _load_catalogues(path, os.stat(path).st_mtime_ns)
    except (OSError, ValueError, HushdError):
        return Descriptions.from_data({})


@functools.lru_cache(maxsize=1)
def _load_catalogues(path: Path, _: int) -> Descriptions:
    return Descriptions.from_data(json.loads(path.read_bytes()))
