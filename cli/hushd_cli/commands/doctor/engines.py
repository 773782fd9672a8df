"""Checks of the supervisor, of the user's languages, and of each engine by a sentence."""

from __future__ import annotations

import time
from collections.abc import Iterator

from hushd.client import Client
from hushd_models import advice, preferences
from hushd_models import languages as names
from hushd_models.inventory import rows
from hushd_models.store import Store
from hushd_protocol import __version__
from hushd_protocol.errors import BUSY, HushdError
from hushd_protocol.system import paths
from hushd_schema import engines
from hushd_schema.settings import load

from .finding import Finding

SENTENCE = "The quick brown fox jumps over the lazy dog."
DEADLINE_S = 300.0  # seconds for an engine to load, and to say or hear one sentence
SILENT = 300  # peak out of 32768: speech is far louder
_DOES = {"stt": "hears", "tts": "speaks"}


def languages() -> Iterator[Finding]:
    """Checks whether something here hears and speaks each of the user's languages."""
    here = paths.find()
    usable = [row for row in rows(Store(here)) if row.usable and row.known and advice.engine_installed(row.engine)]
    for code in preferences.own_languages(here.config) or ["en"]:
        able = {row.role for row in usable if row.known and code in map(names.code, row.known.languages)}
        if lacking := [does for role, does in _DOES.items() if role not in able]:
            yield Finding("warning", f"nothing here {' or '.join(lacking)} {names.name(code)}", f"hushd get {code}")
        else:
            yield Finding("ok", f"{names.name(code)} is heard and spoken")
    for name, why in engines.problems().items():
        text = f"the engine spec of {name} does not import ({why})"
        yield Finding("warning", text, "reinstall the package that brings it, or remove it")


def supervisor(client: Client) -> Iterator[Finding]:
    """Checks that the supervisor, which is started if none runs, is of this version."""
    own = client.status().supervisor
    text = f"hushd {own.version}, pid {own.pid}"
    if own.version == __version__:
        yield Finding("ok", text)
    else:
        yield Finding("warning", f"{text}; hushd {__version__} is installed", "hushd restart")


def speak_and_hear(client: Client) -> Iterator[Finding]:
    """Has each text-to-speech engine with a model speak, then each speech-to-text engine hear what the first said."""
    usual = load(paths.find().config).voice
    if usual and not any(voice.name == usual and voice.installed for voice in client.voices()):
        remedy = "hushd config set voice NAME, of those that `say -v '?'` lists"
        yield Finding("warning", f"the usual voice {usual!r} is not installed, so that another one speaks", remedy)
    described, recording = client.describe("tts", "stt"), b""
    for role in ("tts", "stt"):
        for engine in described.of(role).engines:
            here = engine.installed_models()
            if not here or not (engine.installed or advice.engine_installed(engine.name)):
                continue
            model = f"{engine.name}/{engine.default_model if engine.default_model in here else here[0]}"
            began = time.monotonic()
            try:
                if role == "tts":
                    wav, (state, text) = _spoken(client, model)
                    recording = recording or (wav if state == "ok" else b"")
                else:
                    state, text = _heard(client, model, recording)
            except HushdError as error:
                state = "warning" if error.code in BUSY else "broken"
                yield Finding(state, f"{role}/{model}: {error.message}", f"hushd logs {role}/{engine.name}")
                continue
            text = f"{role}/{model} {text}, {time.monotonic() - began:.1f} s with its start"
            yield Finding(state, text, "" if state == "ok" else f"hushd logs {role}/{engine.name}")


def _spoken(client: Client, model: str) -> tuple[bytes, tuple[str, str]]:
    """Returns SENTENCE as a WAV file by a voice, with the state and the words for it."""
    speech = client.synthesize(SENTENCE, format="wav", model=model, keep_alive=0, deadline=DEADLINE_S)
    data = b"".join(speech)
    samples = memoryview(data[44 : len(data) - len(data) % 2]).cast("h")
    silent = not samples or max(max(samples), -min(samples)) < SILENT
    return data, ("broken", "is silent") if silent else ("ok", f"speaks {speech.duration:.1f} s")


def _heard(client: Client, model: str, recording: bytes) -> tuple[str, str]:
    if not recording:
        return "warning", "was not tried: no engine here speaks"
    text = client.transcribe(recording, model=model, keep_alive=0, deadline=DEADLINE_S).text.strip()
    words = {*text.lower().replace(".", "").split()} & {*SENTENCE.lower().rstrip(".").split()}
    return ("ok", f"hears {text!r}") if words else ("warning", f"hears {text!r} where {SENTENCE!r} was said")
