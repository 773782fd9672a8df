"""Requests to the supervisor besides speech, for tasks: the floor, workers, models."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from hushd.exchange.client_base import Unloaded
from hushd.exchange.speech_base import SpeechBase
from hushd.transport import model_requests, requests
from hushd.transport.link import floor_link
from hushd.transport.requests import KeepAlive

from .call import AsyncCall
from .floor import AsyncFloor
from .steps import run

if TYPE_CHECKING:
    from hushd_schema.description import Descriptions
    from hushd_schema.operations.models import ModelResult
    from hushd_schema.status import Status

    from hushd.transport.warning import ResultWarning


class AsyncManagement(SpeechBase):
    """Manages devices, workers and models; the base of `hushd.AsyncClient`, as `Management` is of `hushd.Client`.

    The connection has one thread, which answers the supervisor and receives whatever comes even while the loop is
    blocked; calls have none. It belongs to no loop: one client serves several, one after the other.
    """

    calls = AsyncCall

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """As `Client.close`."""
        await asyncio.to_thread(self.link.close)

    async def control(self, action: str, *names: str, **options: Any) -> dict[str, Any]:
        """As `Client.control`."""
        return await run(self._controlled(action, *names, **options))

    def floor(
        self,
        *devices: str,
        priority: str = "text",
        on_wait: Callable[[str], None] | None = None,
        duck: bool = False,
    ) -> AsyncFloor:
        """As `Client.floor`, entered with `async with`; `on_wait` is called on another thread."""
        requests.check_priority(priority)
        return AsyncFloor(floor_link(self.link), devices, priority, on_wait, self._ducking() if duck else None)

    async def stop_speaking(self, *who: str, current: bool = False) -> list[int]:
        """As `Client.stop_speaking`."""
        return await run(self._turned("stop" if current else "cancel", *who))

    async def pause(self, *who: str) -> list[int]:
        """As `Client.pause`."""
        return await run(self._turned("pause", *who))

    async def resume(self, *who: str) -> list[int]:
        """As `Client.resume`."""
        return await run(self._turned("resume", *who))

    async def preload(
        self, *workers: str, keep_alive: KeepAlive = None, wait: bool = True, language: str | None = None
    ) -> list[ResultWarning]:
        """As `Client.preload`."""
        return await run(self._preloaded(workers, keep_alive, wait, language))

    async def unload(
        self,
        *workers: str,
        force: bool = False,
        keep_away: float | str | None = None,
        hold: bool = False,
        everywhere: bool = False,
    ) -> Unloaded:
        """As `Client.unload`."""
        return await run(self._ended(workers, force, keep_away, hold, everywhere))

    async def status(self) -> Status:
        """As `Client.status`."""
        return await run(self._status())

    async def reload(self) -> None:
        """As `Client.reload`."""
        await self.control("reload")

    async def describe(self, *roles: str) -> Descriptions:
        """As `Client.describe`."""
        return await run(self._described(*roles))

    async def shutdown(self, timeout: float = 10.0) -> bool:
        """As `Client.shutdown`."""
        return await run(self._left("shutdown", timeout))

    async def restart(self, timeout: float | None = None) -> bool:
        """As `Client.restart`."""
        return await run(self._left("restart", timeout))

    async def pull(
        self, model: str, *, update: bool = False, on_progress: model_requests.OnProgress | None = None
    ) -> ModelResult:
        """As `Client.pull`."""
        return await run(self._changed("pull", model_requests.pull_params(model, update), on_progress))

    async def import_model(
        self,
        path: str | os.PathLike[str],
        name: str,
        *,
        engine: str | None = None,
        on_progress: model_requests.OnProgress | None = None,
    ) -> ModelResult:
        """As `Client.import_model`."""
        return await run(self._changed("import", model_requests.import_params(path, name, engine), on_progress))

    async def quantize(
        self,
        model: str,
        to: str = "int8",
        *,
        name: str | None = None,
        on_progress: model_requests.OnProgress | None = None,
    ) -> ModelResult:
        """As `Client.quantize`."""
        return await run(self._changed("quantize", {"model": model, "to": to, "name": name or ""}, on_progress))
