"""The list of voices, kept short for a host's model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hushd_models import languages
from hushd_protocol import JsonObject
from hushd_schema.engines import robotic

if TYPE_CHECKING:
    from hushd.synthesis.voices import Voice

_MAX_VOICES = 20  # voices in a summary

Answer = tuple[str, JsonObject]


def of_language(voices: Iterable[Voice], language: str) -> Answer:
    """Returns the voices that speak a language, installed ones first.

    Raises:
        HushdError: `bad_request` if it is not a language.
    """
    from hushd.synthesis.voices import speaking

    facts = [_facts(voice) for voice in sorted(speaking(voices, language), key=lambda voice: not voice.installed)]
    if not facts:
        return "There is no voice for that language.", {"voices": []}
    return "\n".join(map(_line, facts)), {"voices": facts}


def summary(voices: Sequence[Voice]) -> Answer:
    """Returns the first installed natural voices, and the number of voices of each language."""
    here = [voice for voice in voices if voice.installed]
    natural = [voice for voice in here if not robotic(voice.engine)]
    listed = [_facts(voice) for voice in (natural or here)[:_MAX_VOICES]]
    counts = dict(sorted(Counter(languages.code(voice.language) for voice in here).items()))
    spoken = ", ".join(f"{code} {count}" if count > 1 else code for code, count in counts.items())
    more = f"Voices by language: {spoken}. Call `hushd_voices` with a language for its voices." if counts else ""
    text = "\n".join([*map(_line, listed), more or "No voice is installed."])
    return text, {"voices": listed, "languages": counts, "total": len(here)}


def _facts(voice: Voice) -> JsonObject:
    return {
        "name": voice.name,
        "language": voice.language,
        "engine": voice.engine,
        "gender": voice.gender,
        "installed": voice.installed,
    }


def _line(voice: JsonObject) -> str:
    missing = "" if voice["installed"] else "not installed"
    facts = (voice["language"], voice["gender"], voice["engine"], missing)
    return f"{voice['name']}: {', '.join(filter(None, facts))}"
