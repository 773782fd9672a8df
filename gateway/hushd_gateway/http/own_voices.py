"""`POST /v1/audio/voices` makes a voice of a recording, for an engine that imitates; `DELETE …/NAME` removes it.

The recording lies in the user's models folder as `voices/NAME.LANGUAGE.wav`, which its engine reads, whichever
environment that runs in, and nobody else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from hushd.verbs.speech import MAX_S
from hushd_models import advice, catalogue, languages, preferences, weights
from hushd_models.choice.voices import ALIASES
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.names import is_name
from hushd_protocol.system import atomic_file
from hushd_protocol.system.paths import find
from hushd_schema import engines
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hushd_gateway import routing

from .body import Form
from .errors import ApiError, bad
from .fields import text
from .transcription.endpoints import unnamed

# The files that chatterbox's package reads, by their first bytes.
_KINDS = {"wav": b"R(IFF|F64)....WAVE", "flac": b"fLaC", "ogg": b"OggS", "mp3": b"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"}
_MAX_SAMPLE_BYTES = 20_000_000  # half a minute of two channels takes 12 MB at most


async def create(request: Request) -> Response:
    """Answers with the voice, and the model that speaks with it."""
    elsewhere, able = preferences.engines_elsewhere(find().config), [spec.name for spec in _imitators()]
    engine = next((each for each in able if each in elsewhere or advice.engine_installed(each)), None)
    if engine is None:
        raise HushdError(
            "engine_missing", f"No engine here imitates voices: {' or '.join(able)} does (docs/MODELS.md)."
        )
    listing = routing.of(request)
    with Form() as form:
        await form.read(request)
        name, language = text(form.fields, "name"), text(form.fields, "language") or "en"
        tag = languages.code(language)
        if not is_name(name) or "." in name:
            raise bad("name must be of ASCII letters, digits, - and _.", "name")
        if not text(form.fields, "consent").strip():
            raise bad("Say in consent how the person has agreed that their voice is imitated.", "consent")
        if form.path is None or form.path.stat().st_size > _MAX_SAMPLE_BYTES:
            raise bad("audio_sample must be a recording of one person, some ten seconds long.", "audio_sample")
        with open(form.path, "rb") as sample:
            head = sample.read(12)
        if (kind := next((kind for kind, begins in _KINDS.items() if re.match(begins, head, re.DOTALL)), None)) is None:
            raise bad("audio_sample must be WAV, FLAC, Ogg or MP3.", "audio_sample")
        if not (model := _model(engine, tag)):
            raise bad(f"No model of {engine} speaks {language}.", "language")
        with unnamed(form):
            client = routing.for_caller(request).client
            # The voices in an hour would take minutes to tell apart: is there a sound after the longest sample?
            if (await client.transcribe(form.path, clips=(MAX_S, MAX_S + 0.1))).duration > MAX_S:
                raise bad(f"The recording of {name} takes more than {MAX_S:g} s: ten are enough.", "audio_sample")
            await client.voiceprints({name: form.path})
        taken = {voice.name for voice in (await listing.tts()).voices()} | {*ALIASES, *listing.settings.http.voices}
        if name.casefold() in map(str.casefold, taken):
            raise bad(f"There is a voice {name} already: delete it, or choose another name.", "name")
        folder = weights.folder(engine) / "voices"
        with os_errors_as("output_failed", f"The recording cannot be kept in {folder}", "let hushd write there"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic_file.replace(folder / f"{name}.{tag}.{kind}", form.path.read_bytes(), mode=0o600)
    listing.forget()
    voice = {"id": name, "object": "audio.voice", "created_at": int(time.time()), "name": name, "language": tag}
    return JSONResponse(voice | {"model": f"{engine}/{model}"})


async def remove(request: Request) -> Response:
    """Removes the recording of a voice."""
    name = request.path_params["name"]
    if not (mine := [path for path in _recordings() if path.name.partition(".")[0] == name]):
        raise ApiError(404, "There is no such voice of yours: GET /v1/audio/voices lists them.", "name")
    for path in mine:
        with os_errors_as("output_failed", f"{path} cannot be removed", "let hushd write there"):
            path.unlink(missing_ok=True)
    routing.of(request).forget()
    return JSONResponse({"id": name, "object": "audio.voice.deleted", "deleted": True})


def _imitators() -> list[engines.EngineSpec]:
    return [spec for spec in engines.every("tts") if spec.clones]


def _model(engine: str, language: str) -> str:
    known = (each.name for each in catalogue.of(engine) if languages.is_among(language, each.languages))
    return next(known, "")


def _recordings() -> Iterator[Path]:
    """Yields the recordings made here of all engines that imitate."""
    for spec in _imitators():
        paths = (weights.folder(spec.name) / "voices").glob("[!.]*.*.*")
        yield from (path for path in paths if path.name.count(".") == 2)
