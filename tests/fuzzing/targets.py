"""The table of targets: each is a context manager that gives a function, which makes one input and feeds it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path

from .mutate import Feed

Target = Callable[[Path], AbstractContextManager[Feed]]

# Targets are named by module and function: whoever only asks which there are imports none.
TARGETS = {
    "client.sock": "sockets.clients", "expected": "sockets.expected", "wyoming": "serving.wyoming", "http": "http.http",
    "messages": "wire.messages", "recording": "audio.recording", "film": "audio.film", "hub": "models.hub",
    "weights": "models.weights", "params": "text.params", "markup": "text.markup", "subtitles": "text.subtitles",
    "answers": "answers.answers",
}  # fmt: skip


def find(name: str) -> Target:
    module, _, function = TARGETS[name].partition(".")
    target: Target = getattr(import_module(f".{module}", __package__), function)
    return target
