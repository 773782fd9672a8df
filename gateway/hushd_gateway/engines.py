"""The engines of this machine, as the door has listed them, and the choice among them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hushd.models import choice as model_choice
from hushd_models import listed, user_models
from hushd_protocol.system.paths import find
from hushd_schema.settings import Settings

from .routing import Model

if TYPE_CHECKING:
    from hushd import AsyncClient

FRESH_S = 10.0  # for which the supervisor's own list is taken to be true


class Engines:
    """Finds engines, models and voices without listing them again, which takes 0.3 s and more."""

    def __init__(self, client: AsyncClient, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._paths = find()
        self._described: dict[str, tuple[float, Mapping[str, Any]]] = {}  # by role

    async def catalogue(self, role: str) -> dict[str, Any]:
        """The engines, models and voices of a role, as the door has listed them; the supervisor where there is no door.

        `default` in it is the configured ENGINE/NAME.
        """
        there = listed.load(self._paths.listed).get(role) or await self._describe(role)
        return {**there, "default": self._settings.default_model(role)}

    async def best(
        self, language: str, *, speed: str = "medium", engine: str | None = None, translate: bool = False
    ) -> Model:
        """The model that `auto` means; see `Client.choose_model`.

        Raises:
            HushdError: no installed model knows the language, or can translate.
        """
        added = user_models.configured(self._paths.config)
        found = model_choice.candidates(await self.catalogue("stt"), engine, translate, added)
        there = model_choice.capacity(await self._client.status(), "stt")
        chosen = model_choice.choose(found, there, language or None, speed, engine)
        return Model(chosen.engine, chosen.model)

    async def _describe(self, role: str) -> Mapping[str, Any]:
        when, found = self._described.get(role, (0.0, {}))
        if time.monotonic() - when > FRESH_S or not found:
            found = (await self._client.describe(role)).get(role, {})
            self._described[role] = time.monotonic(), found
        return found
