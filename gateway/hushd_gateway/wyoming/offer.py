"""The models and voices of one port: its `info`, and the model or voice for a request's name or language."""

from __future__ import annotations

from hushd import AsyncClient
from hushd.synthesis import voices
from hushd.synthesis.voices import VoiceChoice
from hushd_models import listings
from hushd_protocol.names import AUTO
from hushd_protocol.system.paths import find
from hushd_schema.description import MAX_WORDS
from hushd_schema.settings import Settings

from hushd_gateway import routing
from hushd_gateway.routing import Engines, Model


class Offer:
    """The models and voices for one connection.

    Args:
        listener: the port's address, for which models may be configured.
    """

    def __init__(self, client: AsyncClient, settings: Settings, listener: str) -> None:
        self._engines = Engines(client, settings, find().listed)
        self._settings = settings
        self._stt, self._tts = settings.wyoming.models(listener)

    async def info(self) -> bytes:
        """Returns the bytes of the event `info`."""
        return listings.info_event(listings.info(await self._engines.every(), self._stt, self._tts))

    async def model(self, name: str, language: str) -> Model:
        """Returns the port's only model, or else the one of this name, as in `info`, or for the language.

        Raises:
            HushdError: no installed model knows the language.
        """
        if self._stt:
            return Model(*self._stt.split("/", 1))
        if not name and routing.is_known_to_hear(self._settings.stt, language):
            return Model()
        model = routing.stt(await self._engines.stt(), self._settings, name, language)
        return await self._engines.best(language) if model.model == AUTO else model

    async def words(self, names: list[str]) -> tuple[str, list[str]]:
        """Returns the engine that detects these words, and their names; without any, all words of the default
        engine."""
        described = await self._engines.wake()
        default_engine = described.default.partition("/")[0]
        engines = sorted(described.engines, key=lambda engine: engine.name != default_engine)
        for engine in engines:
            known = [word.name for word in engine.words]
            if engine.installed and (set(names) <= set(known) or engine.any_phrase):
                return engine.name, names or known[:MAX_WORDS]
        return default_engine, names

    async def voice(self, name: str, language: str) -> VoiceChoice:
        """Returns the voice of this name or its fallback, else one of this language, else the default.

        Raises:
            HushdError: there is no such voice.
        """
        engine, _, model = self._tts.partition("/")
        if not name and not language:
            return VoiceChoice(engine or None, model or None, None)
        catalogue = await self._engines.tts()
        if not engine and (instead := routing.fallback_voice(catalogue, name)):
            return voices.choose(catalogue, *instead)
        return voices.choose(catalogue, name or None, None if name else language, engine or None, model or None)
