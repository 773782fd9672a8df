"""Prepares a request: chooses an engine, a model and a voice where the caller leaves them open."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from hushd_protocol import JsonObject
from hushd_protocol.light_dataclass import replace
from hushd_protocol.names import AUTO

from hushd.transport.steps import Steps

from . import requests

if TYPE_CHECKING:
    from pathlib import Path

    from hushd_protocol.messages import Request
    from hushd_schema.description import Descriptions, HearingDescription

    from hushd.models.choice import Candidate, ModelChoice
    from hushd.synthesis.voice import VoiceChoice


class Preparation:
    """Makes requests of one client; the supervisor describes its engines and voices once.

    Args:
        control: sends a control message with names, and returns the data of its result.
        config: the user's configuration, which may name models.
    """

    def __init__(self, control: Callable[..., Steps[JsonObject]], config: Path) -> None:
        self._control = control
        self._config = config
        self._engines: HearingDescription | None = None  # for speech to text, once a request depends on them
        self._voices: dict[tuple[str | None, ...], VoiceChoice] = {}

    def speech(self, params: JsonObject, shared: JsonObject) -> Steps[Request]:
        """Returns the request for a speech with `params`, by the engine that has the voice.

        Args:
            shared: see `requests.take_shared`.
        """
        voice, language = params.get("voice"), params.get("language")
        engine, model = shared.get("engine"), shared.get("model")
        if (voice or language) and not (engine and model):
            engine, model, voice = yield from self._voice(voice, language, engine, model)
            if voice:
                params["voice"] = voice
                params.pop("language", None)  # the voice was chosen by it
        return requests.request("tts", "synthesize", params, **{**shared, "engine": engine, "model": model})

    def transcription(
        self, params: JsonObject, speed: str | None, shared: JsonObject, *, session: bool = False
    ) -> Steps[Request]:
        """Returns the request for a transcript with `params`, or for a `session` of live audio."""
        engine, model = shared.get("engine"), shared.get("model")
        if model == AUTO:
            translate = params.get("task") == "translate"
            choice = yield from self.choose_model(params.get("language"), speed, engine, translate)
            engine, model = choice.engine, choice.model
        elif model and not engine and names_no_engine(model):
            engine, model = yield from self.find_model(model)
        request = requests.request("stt", "transcribe", params, **{**shared, "engine": engine, "model": model})
        return replace(request, session=True) if session else request

    def choose_model(
        self, language: str | None, speed: str | None, engine: str | None, translate: bool
    ) -> Steps[ModelChoice]:
        """See `Client.choose_model`."""
        from hushd_schema.status import Status

        from hushd.models import choice

        described = yield from self._hearing()
        installed = yield partial(_installed, described, engine, translate, self._config)
        status = Status.from_data((yield from self._control("status")))
        return choice.choose(installed, choice.capacity(status, "stt"), language, speed or "medium", engine)

    def find_model(self, name: str) -> Steps[tuple[str, str]]:
        """See `Client.find_model`."""
        from hushd.models import names

        return names.find((yield from self._hearing()), name)

    def _voice(
        self, voice: str | None, language: str | None, engine: str | None, model: str | None
    ) -> Steps[VoiceChoice]:
        """Finds engine, model and voice for a voice or a language; asks once for each."""
        if model and not engine and "/" in model:
            engine, _, model = model.partition("/")
        wish = (voice, language, engine, model)
        if wish not in self._voices:
            from hushd.synthesis.voices import choose  # for those who name one

            described = yield from self._described("tts")
            self._voices[wish] = choose(described.tts, *wish)
        return self._voices[wish]

    def _hearing(self) -> Steps[HearingDescription]:
        """Describes speech to text: engines and models."""
        if self._engines is None:
            self._engines = (yield from self._described("stt")).stt
        return self._engines

    def _described(self, role: str) -> Steps[Descriptions]:
        from hushd_schema.description import Descriptions

        return Descriptions.from_data((yield from self._control("describe", role)))


def names_no_engine(model: str) -> bool:
    """Returns whether `model` is not of the form ENGINE/NAME."""
    return model.count("/") != 1 or model.endswith(".pt")


def _installed(described: HearingDescription, engine: str | None, translates: bool, config: Path) -> list[Candidate]:
    """Returns the installed models, the user's own described as the configuration says."""
    from hushd_models import user_models

    from hushd.models.choice import candidates

    return candidates(described, engine, translates, user_models.configured(config))
