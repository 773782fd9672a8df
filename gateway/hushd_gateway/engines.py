"""The engines of this machine, and the choice among them."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hushd import model_choice
from hushd_models import listings, user_models
from hushd_protocol.system.paths import find
from hushd_schema.description import Descriptions
from hushd_schema.settings import Settings

from .routing import Model

if TYPE_CHECKING:
    from hushd import AsyncClient
    from hushd_schema.description import HearingDescription, SpeakingDescription, WaitingDescription

NOTHING = Descriptions.from_data({})
FRESH_S = 10.0  # for so long a list that cannot be kept in a file is not asked for again


class Engines:
    """Finds engines, models and voices without listing them again, which takes 0.3 s and more.

    Args:
        listed: keeps the lists for the next gateway; the supervisor removes this file when they may have changed. None:
            they are asked for again after a while.
    """

    def __init__(self, client: AsyncClient, settings: Settings, listed: Path | None) -> None:
        self._client = client
        self._settings = settings
        self._listed = listed
        self._paths = find()
        self._described: dict[str, tuple[float, Descriptions]] = {}  # by role

    async def stt(self) -> HearingDescription:
        """Returns the speech-to-text engines and models."""
        return replace((await self._known("stt")).stt, default=self._settings.default_model("stt"))

    async def tts(self) -> SpeakingDescription:
        """Returns the text-to-speech engines, models and voices."""
        return replace((await self._known("tts")).tts, default=self._settings.default_model("tts"))

    async def wake(self) -> WaitingDescription:
        """Returns the engines that detect wake words."""
        return replace((await self._known("wake")).wake, default=self._settings.default_model("wake"))

    async def every(self) -> Descriptions:
        """Returns the engines of all roles."""
        stt, tts, wake = await asyncio.gather(self.stt(), self.tts(), self.wake())
        return replace(await self._known("stt"), stt=stt, tts=tts, wake=wake)

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
        listing = self._kept()
        if listing.of(role).role:
            return listing
        when, described = self._described.get(role, (-math.inf, listing))
        if time.monotonic() - when > FRESH_S:
            described = await self._client.describe(role)
            self._described[role] = time.monotonic(), described
            if self._listed:
                listings.save_catalogues(self._listed, self._kept().having(role, described.of(role)))
        return described

    def _kept(self) -> Descriptions:
        return listings.load_catalogues(self._listed) if self._listed else NOTHING
