"""The engines of this machine, as listed by the door, and the choice among them."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from hushd.models import choice as model_choice
from hushd_models import listings, user_models
from hushd_protocol.system.paths import find
from hushd_schema.settings import Settings

from .routing import Model

if TYPE_CHECKING:
    from hushd import AsyncClient
    from hushd_schema.description import Descriptions, HearingDescription, SpeakingDescription, WaitingDescription

FRESH_S = 10.0  # for so long the supervisor's own list is not asked for again


class Engines:
    """Finds engines, models and voices without listing them again, which takes 0.3 s and more."""

    def __init__(self, client: AsyncClient, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._paths = find()
        self._described: dict[str, tuple[float, Descriptions]] = {}  # by role

    async def stt(self) -> HearingDescription:
        """Returns the speech-to-text engines and models, as listed by the door, or else by the supervisor."""
        return replace((await self._known("stt")).stt, default=self._settings.default_model("stt"))

    async def tts(self) -> SpeakingDescription:
        """Returns the text-to-speech engines, models and voices."""
        return replace((await self._known("tts")).tts, default=self._settings.default_model("tts"))

    async def wake(self) -> WaitingDescription:
        """Returns the engines that detect wake words."""
        return replace((await self._known("wake")).wake, default=self._settings.default_model("wake"))

    async def every(self) -> Descriptions:
        """Returns the engines of all roles."""
        return replace(await self._known("stt"), stt=await self.stt(), tts=await self.tts(), wake=await self.wake())

    async def best(
        self, language: str, *, speed: str = "medium", engine: str | None = None, translate: bool = False
    ) -> Model:
        """Returns the model that `auto` means; see `Client.choose_model`.

        Raises:
            HushdError: no installed model knows the language, or can translate.
        """
        added = user_models.configured(self._paths.config)
        candidates = model_choice.candidates(await self.stt(), engine, translate, added)
        capacity = model_choice.capacity(await self._client.status(), "stt")
        chosen = model_choice.choose(candidates, capacity, language or None, speed, engine)
        return Model(chosen.engine, chosen.model)

    async def _known(self, role: str) -> Descriptions:
        """Returns descriptions in which that of `role` is current."""
        listing = listings.load_catalogues(self._paths.listed)
        if listing.of(role).role:
            return listing
        when, described = self._described.get(role, (-math.inf, listing))
        if time.monotonic() - when > FRESH_S:
            described = await self._client.describe(role)
            self._described[role] = time.monotonic(), described
        return described
