"""The options of the methods of `Client` and `AsyncClient`, each stated once, for type checkers and editors.

The docstrings of the methods describe them, and `speech_base` has their defaults. Nothing here is loaded to run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from hushd_schema.operations.synthesize import SynthesizeOptions
from hushd_schema.operations.transcribe import TranscribeOptions
from hushd_schema.results import OnEvent, Sentence

from hushd.verbs.requests import KeepAlive


class WorkerOptions(TypedDict, total=False):
    """Options of every request: see `Client`."""

    engine: str | None
    model: str | None
    keep_alive: KeepAlive
    priority: str


class SayOptions(WorkerOptions, SynthesizeOptions, total=False):
    """Options of `Client.say`."""


class SpeechOptions(SayOptions, total=False):
    """Options of `Client.synthesize`."""

    format: str
    deadline: float | None
    on_sentence: Callable[[Sentence], None] | None
    keep: bool


class TranscriptionOptions(WorkerOptions, TranscribeOptions, total=False):
    """Options of `Client.transcribe` and `Client.transcribe_stream`."""

    rate: int | None
    channels: int
    speed: str | None
    deadline: float | None
    on_progress: Callable[[float, float], None] | None


class ListenOptions(WorkerOptions, TranscribeOptions, total=False):
    """Options of `Client.listen`."""

    rate: int
    channels: int
    continuous: bool
    silence_s: float
    turn_end: str
    end_word: str
    no_speech_s: float | None
    speed: str | None
    on_partial: Callable[[str, str], None] | None
    on_event: OnEvent | None
