"""The models and voices of one port: `info`, and what a request means by a name or a language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hushd import model_choice
from hushd.synthesis import voices
from hushd.synthesis.voices import VoiceChoice
from hushd_models import listed, listings, user_models
from hushd_protocol.system.paths import find
from hushd_supervisor.core.settings import Settings

from hushd_gateway import choices
from hushd_gateway.choices import Model
from hushd_gateway.threaded_client import ThreadedClient


class Offer:
    """Made for each connection.

    Args:
        listener: the address of the port, which may have models of its own.
    """

    def __init__(self, client: ThreadedClient, settings: Settings, listener: str) -> None:
        self._client = client
        self._settings = settings
        self._stt, self._tts = settings.wyoming.models(listener)
        self._paths = find()
        self._described: dict[str, Mapping[str, Any]] = {}

    async def info(self) -> bytes:
        """The bytes of the event `info`."""
        known = {role: await self._catalogue(role) for role in listings.TASKS}
        return listings.info_event(listings.info(known, self._stt, self._tts))

    async def model(self, name: str, language: str) -> Model:
        """The one model of this port; else by the name of one that `info` lists, or by the language.

        Raises:
            HushdError: no installed model knows the language.
        """
        if self._stt:
            return Model(*self._stt.split("/", 1))
        if not name and choices.is_known_to_hear(self._settings.stt, language):
            return Model()
        found = choices.stt(await self._catalogue("stt"), self._settings, name, language)
        return await self._best(language) if found.model == choices.AUTO else found

    async def voice(self, name: str, language: str) -> VoiceChoice:
        """The voice of this name, else of this language, else the usual one.

        Raises:
            HushdError: there is none.
        """
        engine, _, model = self._tts.partition("/")
        if not name and not language:
            return VoiceChoice(engine or None, model or None, None)
        catalogue = await self._catalogue("tts")
        return voices.choose(catalogue, name or None, None if name else language, engine or None, model or None)

    async def _best(self, language: str) -> Model:
        found = model_choice.candidates(
            await self._catalogue("stt"), None, False, user_models.configured(self._paths.config)
        )
        there = model_choice.machine(await self._client.status(), "stt")
        chosen = model_choice.choose(found, there, language, "medium", None)
        return Model(chosen.engine, chosen.model)

    async def _catalogue(self, role: str) -> Mapping[str, Any]:
        """A role's engines as the door has listed them; asks the supervisor where there is no door."""
        if role not in self._described:
            there = listed.load(self._paths.listed) or await self._client.describe(role)
            self._described[role] = {**there.get(role, {}), "default": self._settings.default_model(role)}
        return self._described[role]
