"""Checks of the machine: memory, sound, graphics cards, none of which wakes a card; and of what runs on it: the
supervisor, and each engine with a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hushd.client import Client
from hushd_models import advice, catalogue, paces, preferences
from hushd_models.choice.recommendation import faster_voice, quick_plugin
from hushd_protocol import __version__
from hushd_protocol.errors import BUSY, HushdError, reason
from hushd_protocol.suggest import plural
from hushd_protocol.system import footprint, landlock, paths, seccomp
from hushd_protocol.system.cgroup import Cgroup
from hushd_protocol.system.graphics_cards import PciCard, cards
from hushd_schema.settings import load

from hushd_cli.commands.models.recommend import ModelIndex

from .finding import Finding, note, of_error, ok, warning

if TYPE_CHECKING:
    from hushd_schema.description import EngineDescription

LITTLE_MB = 700  # MB of free memory: the two default engines at once
SENTENCE = "The quick brown fox jumps over the lazy dog."
DEADLINE_S = 300.0  # seconds for an engine to load, and to say or hear one sentence
SILENT = 300  # peak out of 32768: speech is far louder
_SERVERS = "server"  # the engine for the user's own servers, each of which is a model
_PROGRAMS = "command"  # the engine for the user's own programs, which is optional
_DRIVER_TIMEOUT_S = 5.0  # seconds for which the supervisor waits for the driver, too


def memory() -> Iterator[Finding]:
    machine, cores = footprint.machine(Cgroup.own()), plural(footprint.cores(), "core")
    text = f"{machine.available / 1e9:.1f} of {machine.total / 1e9:.1f} GB free, {cores}"
    if machine.available / 1e6 < LITTLE_MB:
        yield warning(text, "close other programs, or configure smaller models as stt and tts")
    else:
        yield ok(text)


def confinement() -> Iterator[Finding]:
    """Checks whether engines can be kept from what they do not need."""
    try:
        setting = load(paths.find().config).security.confine
    except HushdError:  # the check of the configuration reports it
        setting = "auto"
    version = landlock.version()
    if setting == "off":
        text = 'engines reach all that you reach, by [security] confine = "off"'
        yield warning(text, "hushd config unset security.confine")
    elif not version:
        yield note("engines are not confined: this system has no Landlock, or a container forbids it")
    elif not seccomp.available():
        yield note("engines are confined in part: this system has no seccomp that hushd knows")
    else:
        yield ok(f"engines reach only their models and their jobs (Landlock {version}, seccomp)")


def sound() -> Iterator[Finding]:
    """Checks PortAudio, and the loudspeakers and microphones that it finds."""
    if find_spec("sounddevice") is None:
        return  # a note about the extra says so
    from hushd.audio import devices

    try:
        portaudio = devices.load()
        yield ok(portaudio.get_portaudio_version()[1])
        for kind, instead in (("loudspeaker", "say -o FILE"), ("microphone", "listen FILE")):
            present = devices.devices(portaudio, kind)  # type: ignore[arg-type]
            if not present:
                remedy = f"connect one, or start PipeWire or PulseAudio; `{instead}` needs none"
                yield warning(f"there is no {kind}", remedy)
                continue
            usual = next((device.name for device in present if device.usual), "none")
            yield ok(f"{kind}s: {len(present)}, by default {usual}")
    except HushdError as error:
        finding = of_error(error, state="warning")
        remedy = "; ".join(filter(None, (finding.remedy, "`say -o FILE` and `listen FILE` need none")))
        yield replace(finding, remedy=remedy)


def graphics_cards() -> Iterator[Finding]:
    """Checks NVIDIA's cards, as the kernel and the driver list them."""
    present = cards()
    nvidia = [card for card in present if card.vendor == "NVIDIA"]
    for card in nvidia:
        yield from _nvidia(card)
    if nvidia:
        yield from _driver()
        return
    vendors = ", ".join(sorted({card.vendor for card in present}))
    text = f"no card of NVIDIA's, only graphics of {vendors}" if vendors else "no graphics card"
    yield ok(f"{text}: everything runs on the CPU")


def _driver() -> Iterator[Finding]:
    """Looks at the cards as the supervisor does."""
    command = [sys.executable, "-P", "-m", "hushd_worker.card"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_DRIVER_TIMEOUT_S, check=True)
        error = json.loads(done.stdout)["error"]
    except subprocess.TimeoutExpired:
        error = f"the driver has not answered in {_DRIVER_TIMEOUT_S:.0f} s"
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as failed:
        error = f"the look at the cards failed ({reason(failed)})"
    if error:
        remedy = "nvidia-smi, and what it says; until then everything runs on the CPU"
        yield warning(f"no card can be used: {error}", remedy)


def _nvidia(card: PciCard) -> Iterator[Finding]:
    text = f"NVIDIA card {card.place}, driver {card.driver or 'none'}{f', {card.power}' if card.power else ''}"
    if card.driver != "nvidia":
        yield warning(text, "install NVIDIA's driver, such as apt install nvidia-driver")
        return
    closed = [str(path) for path in Path("/dev").glob("nvidia[0-9]*") if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        yield warning(f"{text}; {', '.join(closed)} may not be opened", "usermod -aG video,render $USER")
    else:
        yield ok(text)


class Running:
    """Checks with one connection; the supervisor is started if none runs, and its workers end at once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._sentence_wav: bytes = b""  # SENTENCE as a WAV file, by the first voice that could

    def supervisor(self) -> Iterator[Finding]:
        """Checks that the supervisor answers and is of this version, and shows its memory budget."""
        try:
            status = self._client.status()
        except HushdError as error:
            yield of_error(error, "hushd logs")
            return
        own, memory = status.supervisor, status.memory
        workers = plural(len(status.workers), "worker")
        text = f"hushd {own.version}, pid {own.pid}, {own.size_mb:.0f} MB, {workers}"
        if own.version != __version__:
            yield warning(f"{text}; hushd {__version__} is installed", "hushd restart")
        else:
            yield ok(text)
        room = f"workers may take {memory.budget_mb:.0f} MB, pressure {memory.pressure or 'none'}"
        high = memory.pressure not in ("", "none", "normal")
        remedy = "close other programs, or hushd unload" if high else ""
        yield Finding("warning" if high else "ok", room, remedy)

    def engines(self) -> Iterator[Finding]:
        """Makes each text-to-speech engine with a model speak, then each speech-to-text engine transcribe that
        speech."""
        try:
            described = self._client.describe("tts", "stt")
        except HushdError as error:
            yield of_error(error, "hushd logs describe-stt")
            return
        usual = load(paths.find().config).voice
        if usual and not any(voice.name == usual and voice.installed for voice in self._client.voices()):
            remedy = "hushd config set voice NAME, of those that `say -v '?'` lists"
            yield warning(f"the usual voice {usual!r} is not installed, so that another one speaks", remedy)
        for role, does in (("tts", self._speak), ("stt", self._hear)):
            for engine in described.of(role).engines:
                if engine.name != _PROGRAMS or engine.installed:
                    yield self._tried(role, engine, does)

    def _tried(self, role: str, engine: EngineDescription, does: Callable[[str, str], tuple[str, str]]) -> Finding:
        name = engine.name
        # `installed` means an installed model for speech-to-text, and an installed package for text-to-speech.
        if not engine.installed and not (name in catalogue.engines() and advice.engine_installed(name)):
            lacks = "has no server" if name == _SERVERS else "is not installed"
            return note(f"{role}/{name} {lacks}", engine.install)
        here = engine.installed_models()
        if not here:
            remedy = f"hushd models pull {name}/{engine.default_model}"
            return note(f"{role}/{name} has no model here", remedy)
        model = engine.default_model if engine.default_model in here else here[0]
        began = time.monotonic()
        try:
            state, text = does(name, model)
        except HushdError as error:
            state = "warning" if error.code in BUSY else "broken"
            return Finding(state, f"{role}/{name}/{model}: {error.message}", f"hushd logs {role}/{name}")
        took = f"{role}/{name}/{model} {text}, {time.monotonic() - began:.1f} s with its start"
        pace = paces.measured(paths.find()).get(f"{name}/{model}", 0.0)
        if (state, role) == ("ok", "tts") and pace > paces.REAL_TIME:
            took += f"; a second of it takes {pace:.1f} s of computing here, so that a conversation waits for it"
            if language := _language_of(f"{name}/{model}"):
                return warning(took, _faster(language))
        return Finding(state, took, "" if state == "ok" else f"hushd logs {role}/{name}")

    def _speak(self, engine: str, model: str) -> tuple[str, str]:
        speech = self._client.synthesize(
            SENTENCE, format="wav", engine=engine, model=model, keep_alive=0, deadline=DEADLINE_S
        )
        data = b"".join(speech)
        samples = memoryview(data[44 : len(data) - len(data) % 2]).cast("h")
        if not samples or max(max(samples), -min(samples)) < SILENT:
            return "broken", "is silent"
        self._sentence_wav = self._sentence_wav or data
        return "ok", f"speaks {speech.duration:.1f} s"

    def _hear(self, engine: str, model: str) -> tuple[str, str]:
        if not self._sentence_wav:
            return "warning", "was not tried: no engine here speaks"
        text = self._client.transcribe(
            self._sentence_wav, engine=engine, model=model, keep_alive=0, deadline=DEADLINE_S
        ).text.strip()
        words = set(text.lower().replace(".", "").split()) & set(SENTENCE.lower().rstrip(".").split())
        return ("ok", f"hears {text!r}") if words else ("warning", f"hears {text!r} where {SENTENCE!r} was said")


def _language_of(voice: str) -> str:
    """Returns the first of the user's languages of which a model is the usual voice; empty for none."""
    index = ModelIndex()
    own = preferences.own_languages(index.paths.config) or ["en"]
    return next((each for each in own if index.settings.model_for("tts", each) == voice), "")


def _faster(language: str) -> str:
    """Returns the command that makes a faster voice the usual one of a language, if one is known."""
    index = ModelIndex()
    known = faster_voice(index.rows(), index.machine, language) or quick_plugin(index.machine, language)
    return f"hushd get {language} --speaking" if known else ""
