"""The client, the settings, and the lists of engines that all requests share."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hushd_models import listings
from hushd_protocol.errors import HushdError
from hushd_supervisor.core.settings import Settings
from starlette.requests import HTTPConnection

from hushd_gateway import choices
from hushd_gateway.choices import Model

if TYPE_CHECKING:
    from hushd_gateway.threaded_client import ThreadedClient

FRESH_S = 10.0  # for which a list of engines is taken to be true
STRANGERS = 1000  # names that are remembered


class Context:
    """One for the whole application, as `app.state.context`."""

    def __init__(self, client: ThreadedClient, settings: Settings, token: str = "") -> None:
        self.client = client
        self.settings = settings
        self.token = token
        self._catalogues: dict[str, tuple[float, dict[str, Any]]] = {}
        self._renewals: dict[str, asyncio.Task[None]] = {}  # by role
        self._names: set[str] = set()  # of models that were looked up before

    async def catalogue(self, role: str) -> dict[str, Any]:
        """The engines, models and voices of a role, as they are now; `default` is the configured ENGINE/NAME."""
        when, found = self._catalogues.get(role, (0.0, {}))
        if time.monotonic() - when > FRESH_S or not found:
            found = (await self.client.describe(role)).get(role, {})
            found = {**found, "default": self.settings.default_model(role)}
            self._catalogues[role] = time.monotonic(), found
        return found

    async def _known(self, role: str, name: str) -> dict[str, Any]:
        """The same as far as it is known, which is renewed in the background: listing the engines takes 0.3 s and more.

        Only a name that is new here is looked up in what there is now: its engine may have just been installed.
        """
        if name not in self._names or role not in self._catalogues:
            if len(self._names) >= STRANGERS:
                self._names.clear()
            self._names.add(name)
            return await self.catalogue(role)
        if role not in self._renewals:
            self._renewals[role] = asyncio.create_task(self._renew(role))
            self._renewals[role].add_done_callback(lambda _: self._renewals.pop(role))
        return self._catalogues[role][1]

    async def _renew(self, role: str) -> None:
        with suppress(HushdError):  # the next request asks again
            await self.catalogue(role)

    async def catalogues(self) -> dict[str, dict[str, Any]]:
        """Those of both roles."""
        return {role: await self.catalogue(role) for role in listings.TASKS}

    async def stt(self, name: str, language: str = "", *, translate: bool = False) -> Model:
        """The model for a transcription; see `choices.stt`. The usual request needs no list of engines."""
        usual = not translate and self._is_default(name) and choices.is_known_to_hear(self.settings.stt, language)
        catalogue = {} if usual else await self._known("stt", name)
        return choices.stt(catalogue, self.settings, name, language, translate=translate)

    async def tts(self, name: str, voice: str) -> tuple[str | None, str | None]:
        """The model, as ENGINE/NAME, and the voice for a speech."""
        voice = self.settings.http.voices.get(voice, voice)
        if self._is_default(name):
            return None, voice or None
        return choices.tts(await self._known("tts", name), self.settings, name, voice)

    def _is_default(self, name: str) -> bool:
        return choices.is_openai(name) and name not in self.settings.http.models


def of(connection: HTTPConnection) -> Context:
    """The context of a request or WebSocket."""
    found: Context = connection.app.state.context
    return found
