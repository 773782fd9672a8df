"""The installed models and voices as other programs list them: OpenAI's models and voices, Wyoming's `info`.

Made from the catalogues that the workers' packages print (`--describe`), by role. The supervisor's door answers polls
with them and the gateway requests, so both answer alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from hushd_protocol import JsonObject, __version__

from . import languages

if TYPE_CHECKING:
    from hushd_schema.description import (
        Descriptions,
        EngineDescription,
        ModelDescription,
        SpeakingDescription,
        VoiceDescription,
    )

D = TypeVar("D", bound="EngineDescription")
Object = JsonObject

# OpenAI's own names: programs offer them, and some insist that the list has them.
# fmt: off
OPENAI_NAMES: Mapping[str, tuple[str, ...]] = {
    "stt": (
        "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize", "gpt-transcribe",
    ),
    "tts": ("tts-1", "tts-1-hd", "gpt-4o-mini-tts"),
}
# fmt: on
TASKS = {"stt": "automatic-speech-recognition", "tts": "text-to-speech"}
_ATTRIBUTION = {"name": "hushd", "url": "https://pypi.org/project/hushd/"}


def model(name: str, role: str, owner: str = "hushd") -> Object:
    """One entry of `models`."""
    task = TASKS[role]
    return {"id": name, "object": "model", "created": 0, "owned_by": owner, "shutdown_date": None, "task": task}


def models(catalogues: Descriptions, aliases: Mapping[str, str] | None = None) -> Object:
    """The answer to `GET /v1/models`: each installed ENGINE/NAME, then OpenAI's names and the user's `aliases`.

    Of a model that listens it has the languages, of one that speaks the voices, as speaches lists them.
    """
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
    return {"object": "list", "data": entries}


def voices(catalogues: Descriptions) -> Object:
    """The answer to `GET /v1/audio/voices`: each installed voice, those of the default engine first."""
    known = {voice.name: voice for voice in _voices(catalogues.tts)}
    return {"voices": [{"id": name, **_voice(voice)} for name, voice in known.items()]}


def info(catalogues: Descriptions, stt: str = "", tts: str = "") -> Object:
    """The data of Wyoming's `info`: a program for speech to text, one for text to speech, and one that waits for words
    where any are known.

    Home Assistant takes the first voice of a language by its name, so those that sound like a machine are offered only
    for languages that have no other.

    Args:
        stt: ENGINE/NAME of the one model to offer; empty: all that are installed, the default first.
        tts: the same of the one whose voices to offer.
    """
    asr = [
        _artifact(f"{engine.name}/{entry.name}") | {"languages": list(entry.languages)}
        for engine, entry in _installed(catalogues.stt.engines, catalogues.stt.default)
        if stt in ("", f"{engine.name}/{entry.name}")
    ]
    offered = _offered(list(_voices(catalogues.tts)), *tts.split("/", 1))
    robotic = {engine.name for engine in catalogues.tts.engines if engine.robotic}
    natural = {languages.code(voice.language) for voice in offered if voice.engine not in robotic}
    speakers = [
        _artifact(voice.name) | {"languages": [voice.language], "speakers": None}
        for voice in offered
        if voice.engine not in robotic or languages.code(voice.language) not in natural
    ]
    hears = {"models": asr, "supports_transcript_streaming": True, "requires_external_vad": True}
    speaks = {"voices": speakers, "supports_synthesize_streaming": True}
    wakes = [
        _artifact(word.name) | {"description": word.phrase, "languages": list(word.languages), "phrase": word.phrase}
        for engine in catalogues.wake.engines
        if engine.installed
        for word in engine.words
    ]
    none: Object = {kind: [] for kind in ("handle", "intent", "mic", "snd")}
    return {
        "asr": [_program(stt, installed=bool(asr)) | hears],
        "tts": [_program(tts, installed=bool(speakers)) | speaks],
        "wake": [_program("", installed=True) | {"models": wakes}] if wakes else [],
        **none,
        "satellite": None,
    }


def info_event(data: Object) -> bytes:
    """The bytes of the event `info` on the wire."""
    body = json.dumps(data, ensure_ascii=False).encode()
    head = {"type": "info", "version": "1.10.2", "data_length": len(body)}
    return json.dumps(head).encode() + b"\n" + body


def _voice(voice: VoiceDescription) -> Object:
    return {"name": voice.name, "language": voice.language, "gender": voice.gender}


def _offered(every: list[VoiceDescription], engine: str, model: str = "") -> list[VoiceDescription]:
    """The voices of a model; all of its engine's where they go with any model, as kokoro's do."""
    of_engine = [voice for voice in every if engine in ("", voice.engine)]
    return [voice for voice in of_engine if model in ("", voice.model)] or of_engine


def _program(only: str, *, installed: bool) -> Object:
    """A program, named after the one model that it offers: Home Assistant shows nothing else of it."""
    known = _artifact(f"hushd {only}".strip()) | {"description": "hushd, a voice and ears on this machine"}
    return known | {"installed": installed}


def _artifact(name: str) -> Object:
    return {
        "name": name,
        "attribution": _ATTRIBUTION,
        "installed": True,
        "description": name,
        "version": __version__,
    }


def _engines(engines: Iterable[D], default: str) -> list[D]:
    """The installed engines, that of the default ENGINE/MODEL first."""
    usual = default.partition("/")[0]
    return sorted((engine for engine in engines if engine.installed), key=lambda engine: engine.name != usual)


def _installed(engines: Iterable[D], default: str) -> Iterator[tuple[D, ModelDescription]]:
    """Yields the installed models with their engines, the default model of each engine first."""
    usual = default.partition("/")[2]
    for engine in _engines(engines, default):
        entries = (entry for entry in engine.models if entry.installed)
        for entry in sorted(entries, key=lambda entry: entry.name != usual):
            yield engine, entry


def _voices(catalogue: SpeakingDescription) -> Iterator[VoiceDescription]:
    """Yields the installed voices, each engine's default voice first; a name counts once."""
    seen: set[str] = set()
    for engine in _engines(catalogue.engines, catalogue.default):
        entries = [voice for voice in engine.voices if voice.installed]
        default = engine.default_voice
        for voice in sorted(entries, key=lambda voice: voice.name != default):
            if voice.name not in seen:
                seen.add(voice.name)
                yield voice
