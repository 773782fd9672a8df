"""The table of targets: each is a context manager that gives a function, which makes one input and feeds it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from . import audio, http, models, serving, sockets, state, text, wire
from .mutate import Feed

Target = Callable[[Path], AbstractContextManager[Feed]]

TARGETS: dict[str, Target] = {
    "client.sock": sockets.clients,
    "wyoming": serving.wyoming,
    "http": http.http,
    "messages": wire.messages,
    "wav": audio.wav,
    "recording": audio.recording,
    "film": audio.film,
    "program-sound": audio.program_sound,
    "config": state.config,
    "manifest": models.manifest,
    "hub": models.hub,
    "own-models": models.own_models,
    "weights": models.weights,
    "params": text.params,
    "script": text.script,
    "markup": text.markup,
}
