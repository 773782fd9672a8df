"""The client, the settings, and the lists of engines that all requests share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from hushd_models import listings
from hushd_supervisor.core.settings import Settings
from starlette.requests import HTTPConnection

from . import choices
from .choices import Model

if TYPE_CHECKING:
    from hushd_gateway.threaded_client import ThreadedClient

FRESH_S = 10.0  # for which a list of engines is taken to be true


class Context:
    """One for the whole application, as `app.state.context`."""

    def __init__(self, client: ThreadedClient, settings: Settings, token: str = "") -> None:
        self.client = client
        self.settings = settings
        self.token = token
        self._catalogues: dict[str, tuple[float, dict[str, Any]]] = {}

    async def catalogue(self, role: str) -> dict[str, Any]:
        """The engines, models and voices of a role; `default` is the configured ENGINE/NAME."""
        when, found = self._catalogues.get(role, (0.0, {}))
        if time.monotonic() - when > FRESH_S or not found:
            found = (await self.client.describe(role)).get(role, {})
            found = {**found, "default": self.settings.default_model(role)}
            self._catalogues[role] = time.monotonic(), found
        return found

    async def catalogues(self) -> dict[str, dict[str, Any]]:
        """Those of both roles."""
        return {role: await self.catalogue(role) for role in listings.TASKS}

    async def stt(self, name: str, language: str = "", *, translate: bool = False) -> Model:
        """The model for a transcription; see `choices.stt`. The usual request needs no list of engines."""
        usual = not language and not translate and choices.is_openai(name) and name not in self.settings.http.models
        catalogue = {} if usual else await self.catalogue("stt")
        return choices.stt(catalogue, self.settings, name, language, translate=translate)

    async def tts(self, name: str, voice: str) -> tuple[str | None, str | None]:
        """The model, as ENGINE/NAME, and the voice for a speech."""
        voice = self.settings.http.voices.get(voice, voice)
        usual = choices.is_openai(name) and name not in self.settings.http.models
        if usual:
            return None, voice or None
        return choices.tts(await self.catalogue("tts"), self.settings, name, voice)


def of(connection: HTTPConnection) -> Context:
    """The context of a request or WebSocket."""
    found: Context = connection.app.state.context
    return found
