"""Requests to the supervisor besides speech, for tasks: the floor, workers, models."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hushd.management import Unloaded
from hushd.transport import model_requests, requests, versions
from hushd.transport.link import refuse_borrowed
from hushd.transport.requests import KeepAlive

from .connector import AsyncConnector
from .floor import AsyncFloor
from .retry import sending, with_connection
from .threads import long_step, step

if TYPE_CHECKING:
    from hushd_schema.controls import Yielded
    from hushd_schema.model_result import ModelResult
    from hushd_schema.status import Status


class AsyncManagement(AsyncConnector):
    """Manages devices, workers and models; the base of `hushd.AsyncClient`, as `Management` is of `hushd.Client`."""

    def floor(self, *devices: str, priority: str = "text", on_wait: Callable[[str], None] | None = None) -> AsyncFloor:
        """As `Client.floor`, entered with `async with`; `on_wait` is called on another thread."""
        requests.check_priority(priority)
        return AsyncFloor(self._link.connect, devices, priority, on_wait)

    async def stop_speaking(self, *who: str, current: bool = False) -> list[int]:
        """As `Client.stop_speaking`."""
        return await self._turns("stop" if current else "cancel", *who)

    async def pause(self, *who: str) -> list[int]:
        """As `Client.pause`."""
        return await self._turns("pause", *who)

    async def resume(self, *who: str) -> list[int]:
        """As `Client.resume`."""
        return await self._turns("resume", *who)

    async def _turns(self, action: str, *who: str) -> list[int]:
        from hushd_schema.controls import Turns

        return list(Turns.from_data(await self._control(action, *who)).turns)

    async def preload(self, *workers: str, keep_alive: KeepAlive = None, wait: bool = True) -> None:
        """As `Client.preload`."""
        warm = [self._link.placed(requests.warm(name, keep_alive)) for name in workers]
        if not wait:
            for request in warm:
                await with_connection(self._connect, sending(request))
            return
        for call in [await self._call(request, None) for request in warm]:
            async for _ in call:
                pass

    async def unload(self, *workers: str, force: bool = False) -> Unloaded:
        """As `Client.unload`."""
        return Unloaded.from_data(await self._control("unload", *workers, force=force))

    async def yield_vram(
        self, vram: int | str | None = None, *, card: int | str | None = None, keep_away: float | str = 60.0
    ) -> Yielded:
        """As `Client.yield_vram`."""
        from hushd_schema.controls import Yielded

        from hushd.yielded import options  # rarely needed

        return Yielded.from_data(await self._control("yield", **options(vram, card, keep_away)))

    async def status(self) -> Status:
        """As `Client.status`."""
        from hushd_schema.status import Status

        return Status.from_data(await self._control("status"))

    async def reload(self) -> None:
        """As `Client.reload`."""
        await self._control("reload")

    async def describe(self, *roles: str) -> dict[str, Any]:
        """As `Client.describe`."""
        return await self._control("describe", *roles)

    async def shutdown(self, timeout: float = 10.0) -> bool:
        """As `Client.shutdown`."""
        return await self._leave("shutdown", timeout)

    async def restart(self, timeout: float | None = None) -> bool:
        """As `Client.restart`."""
        return await self._leave("restart", timeout)

    async def _leave(self, action: str, timeout: float | None) -> bool:
        """As `Management._end`."""
        connection = await asyncio.to_thread(self._link.find, versions.connect)
        try:
            refuse_borrowed(connection)
            await step(versions.end, connection, action)
            return await long_step(connection.wait_lost, timeout, stop=connection.close)
        finally:
            await asyncio.to_thread(connection.close)

    async def pull(
        self, model: str, *, update: bool = False, on_progress: model_requests.OnProgress | None = None
    ) -> ModelResult:
        """As `Client.pull`."""
        return await self._change("pull", model_requests.pull_params(model, update), on_progress)

    async def import_model(
        self,
        path: str | os.PathLike[str],
        name: str,
        *,
        engine: str | None = None,
        on_progress: model_requests.OnProgress | None = None,
    ) -> ModelResult:
        """As `Client.import_model`."""
        return await self._change("import", model_requests.import_params(path, name, engine), on_progress)

    async def quantize(
        self,
        model: str,
        to: str = "int8",
        *,
        name: str | None = None,
        on_progress: model_requests.OnProgress | None = None,
    ) -> ModelResult:
        """As `Client.quantize`."""
        return await self._change("quantize", {"model": model, "to": to, "name": name or ""}, on_progress)
