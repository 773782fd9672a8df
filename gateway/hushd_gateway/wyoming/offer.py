"""The models and voices for one connection: its `info`, and the model or voice for a request's name or language."""

from __future__ import annotations

from hushd import AsyncClient
from hushd.synthesis import voices
from hushd.synthesis.voices import VoiceChoice
from hushd_models import listings
from hushd_protocol.names import AUTO
from hushd_protocol.system.paths import find
from hushd_schema.settings import Settings

from hushd_gateway import routing
from hushd_gateway.routing import Engines, Model


class Offer:
    """The models and voices for one connection."""

    def __init__(self, client: AsyncClient, settings: Settings) -> None:
        self._engines = Engines(client, settings, find().listed)
        self._settings = settings

    async def info(self) -> bytes:
        """Returns the bytes of the event `info`."""
        return listings.info_event(listings.info(await self._engines.every()))

    async def model(self, name: str, language: str) -> Model:
        """Returns the model of this name, as in `info`, or for the language.

        Raises:
            HushdError: no installed model knows the language.
        """
        if not name and routing.is_known_to_hear(self._settings.stt, language):
            return Model()
        model = routing.stt(await self._engines.stt(), self._settings, name, language)
        return await self._engines.best(language) if model.model == AUTO else model

    async def voice(self, name: str, language: str) -> VoiceChoice:
        """Returns the voice of this name or its fallback, else one of this language, else the default.

        Raises:
            HushdError: there is no such voice.
        """
        if not name and not language:
            return VoiceChoice(None, None, None)
        catalogue = await self._engines.tts()
        if instead := routing.fallback_voice(catalogue, name):
            return voices.choose(catalogue, *instead)
        return voices.choose(catalogue, name or None, None if name else language)
