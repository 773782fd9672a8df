"""The table of targets: each is a context manager that gives a function, which makes one input and feeds it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from . import audio, handshake, http, models, serving, sockets, state, text, wire
from .mutate import Feed

Target = Callable[[Path], AbstractContextManager[Feed]]

TARGETS: dict[str, Target] = {
    "client.sock": sockets.clients,
    "worker.sock": sockets.strangers,
    "worker": sockets.worker,
    "handshakes": handshake.handshakes,
    "door": serving.door,
    "wyoming": serving.wyoming,
    "http": http.http,
    "messages": wire.messages,
    "wav": audio.wav,
    "recording": audio.recording,
    "ffmpeg": audio.ffmpeg,
    "program-sound": audio.program_sound,
    "config": state.config,
    "config-edit": state.config_edit,
    "state": state.state,
    "kernel": state.kernel,
    "looks": state.looks,
    "neighbours": state.neighbours,
    "bus": state.bus,
    "journal": state.journal,
    "transcript": state.transcript,
    "manifest": models.manifest,
    "hub": models.hub,
    "own-models": models.own_models,
    "imports": models.imports,
    "checkpoint": models.checkpoint,
    "weights": models.weights,
    "command-files": models.command_files,
    "command-output": models.command_output,
    "params": text.params,
    "script": text.script,
    "markup": text.markup,
    "durations": text.durations,
}
