"""The client, the settings and the engines, shared by all requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hushd.synthesis.voices import VoiceChoice
from hushd.synthesis.voices import choose as choose_voice
from hushd_protocol.names import AUTO
from hushd_schema.settings import Settings
from starlette.requests import HTTPConnection

from hushd_gateway import routing
from hushd_gateway.routing import Engines, Model

if TYPE_CHECKING:
    from hushd import AsyncClient
    from hushd_schema.description import Descriptions


class Context:
    """The application's shared state, as `app.state.context`."""

    def __init__(self, client: AsyncClient, settings: Settings, token: str = "", listed: Path | None = None) -> None:
        self.client = client
        self.settings = settings
        self.token = token
        self._engines = Engines(client, settings, listed)

    async def catalogues(self) -> Descriptions:
        """Returns the engines, models and voices of both roles."""
        return await self._engines.every()

    async def stt(
        self,
        name: str,
        language: str = "",
        *,
        translate: bool = False,
        words: bool = False,
        speed: str = "medium",
    ) -> Model:
        """Returns the model for a transcription; see `routing.stt`. A request without a choice lists no engines."""
        usual = not (translate or words) and self._is_default(name)
        if usual and routing.is_known_to_hear(self.settings.stt, language):
            return Model()
        catalogue = await self._engines.stt()
        model = routing.stt(catalogue, self.settings, name, language, translate=translate, words=words)
        if model.model != AUTO:
            return model
        return await self._engines.best(language, speed=speed, engine=model.engine, translate=translate)

    async def tts(self, name: str, voice: str, language: str = "") -> VoiceChoice:
        """Returns the engine, model and voice for a speech, each None if nothing chooses it.

        Raises:
            HushdError: the voice does not exist, or no voice knows the language.
        """
        voice = self.settings.http.voices.get(voice, voice)
        if not voice and not language and self._is_default(name):
            return VoiceChoice(None, None, None)
        catalogue = await self._engines.tts()
        choice = routing.tts(catalogue, self.settings, name, voice)
        if not choice.voice and not language:
            return choice
        if choice.engine is None and (instead := routing.fallback_voice(catalogue, choice.voice or "")):
            return choose_voice(catalogue, *instead)
        return choose_voice(catalogue, choice.voice, language or None, choice.engine, choice.model)

    def is_server(self, role: str, engine: str | None) -> bool:
        """Returns whether a request goes to a speech server of the user's, which may know further fields."""
        return (engine or self.settings.default_model(role).partition("/")[0]) == "server"

    def _is_default(self, name: str) -> bool:
        return routing.is_openai(name) and name not in self.settings.http.models


def of(connection: HTTPConnection) -> Context:
    """Returns the context of a request or WebSocket."""
    shared: Context = connection.app.state.context
    return shared
