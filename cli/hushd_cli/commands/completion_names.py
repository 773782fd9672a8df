"""Names for completion: engines, models, voices, workers, languages, devices. They start no supervisor."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from hushd_models import catalogue, user_models
from hushd_models.inventory import Row, rows
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES
from hushd_protocol.system import paths

if TYPE_CHECKING:
    from hushd_schema.description import SpeakingDescription

DESCRIBE_S = 10.0


def names(kind: str) -> list[str]:
    """Returns the unique names of a kind; empty on errors, since completion must print none."""
    try:
        return list(dict.fromkeys(KINDS[kind]()))
    except (HushdError, OSError, ValueError, subprocess.SubprocessError):
        return []


def _rows() -> list[Row]:
    here = paths.find()
    return rows(Store(here), user_models.configured(here.config))


def _engines(role: str) -> Iterable[str]:
    return [name for name, engine in catalogue.engines().items() if engine.role == role]


def _models(role: str) -> Iterable[str]:
    """Returns the models for `--model`, without their engines."""
    return [row.model.partition("/")[2] for row in _usable(role)]


def _models_here() -> Iterable[str]:
    return [row.model for row in _rows() if row.state != "absent"]


def _known_models() -> Iterable[str]:
    return [row.model for row in _rows()]


def _workers() -> Iterable[str]:
    """Returns installed roles, engines and models for `hushd load`."""
    usable = _usable(*ENGINE_ROLES)
    engines = [f"{row.role}/{row.engine}" for row in usable]
    return [*ENGINE_ROLES, *engines, *(f"{row.role}/{row.model}" for row in usable)]


def _running_workers() -> Iterable[str]:
    """Returns roles, engines and models of the running workers for `hushd unload`."""
    from hushd.client import Client

    with Client(start=False) as client:
        living = [worker for worker in client.status().workers if worker.pid is not None]
    roles = [worker.role for worker in living]
    engines = [f"{worker.role}/{worker.engine}" for worker in living]
    return [*roles, *engines, *(f"{worker.role}/{worker.engine}/{worker.model}" for worker in living)]


def _usable(*roles: str) -> list[Row]:
    return [row for row in _rows() if row.usable and row.role in roles]


def _languages(*roles: str) -> Iterable[str]:
    return sorted({tag for row in _usable(*roles) for tag in row.languages})


def _voices() -> Iterable[str]:
    from hushd.synthesis.voices import Voice

    return [voice.name for voice in Voice.all(_speaking()) if voice.installed]


def _speaking() -> SpeakingDescription:
    """Returns the description of the text-to-speech engines, from their package."""
    from hushd_schema.description import SpeakingDescription

    command = [sys.executable, "-P", "-m", "hushd_worker_tts", "--describe"]
    done = subprocess.run(command, capture_output=True, timeout=DESCRIBE_S)
    return SpeakingDescription.from_data(json.loads(done.stdout))


def _loudspeakers() -> Iterable[str]:
    from hushd.audio.playback import outputs

    return [device.name for device in outputs()]


def _microphones() -> Iterable[str]:
    from hushd.audio.microphone import inputs

    return [device.name for device in inputs()]


def _settings() -> Iterable[str]:
    """Returns the keys of all settings as `hushd config` takes them, with single workers' in the user's file."""
    from hushd_schema.settings import load
    from hushd_schema.settings.reference import rows

    return [".".join(row["path"]) for row in rows(load(paths.find().config))]


KINDS: dict[str, Callable[[], Iterable[str]]] = {
    "stt-engines": partial(_engines, "stt"),
    "tts-engines": partial(_engines, "tts"),
    "stt-models": partial(_models, "stt"),
    "tts-models": partial(_models, "tts"),
    "models-here": _models_here,
    "known-models": _known_models,
    "workers": _workers,
    "running-workers": _running_workers,
    "stt-languages": partial(_languages, "stt"),
    "tts-languages": partial(_languages, "tts"),
    "languages": partial(_languages, "stt", "tts"),
    "settings": _settings,
    "voices": _voices,
    "loudspeakers": _loudspeakers,
    "microphones": _microphones,
}
