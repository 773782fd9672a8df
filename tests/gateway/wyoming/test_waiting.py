"""The sound that waits for the worker while a program streams it: bounded by its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

from hushd import AsyncClient
from hushd_gateway.wyoming.waiting import WAITING, Waiting
from wyoming.event import Eventable

SOUND = {"rate": 16_000, "width": 2, "channels": 1}


class Hearing:
    """In the place of a client: takes all samples, and detects nothing."""

    def __init__(self) -> None:
        self.heard = 0

    async def detect(self, samples: AsyncIterator[bytes], *_: str, **__: Any) -> AsyncIterator[None]:
        async def detections() -> AsyncIterator[None]:
            async for chunk in samples:
                self.heard += len(chunk)
            return
            yield

        return detections()


def test_a_program_waits_for_the_worker() -> None:
    """However large its chunks are: a few hundred of a megabyte each would fill the memory of the gateway."""

    async def main() -> int:
        sent: list[Eventable] = []

        async def send(event: Eventable) -> None:
            sent.append(event)

        waiting, client = Waiting({}, send), Hearing()
        waiting.begin(SOUND)
        await waiting.add(SOUND, bytes(WAITING))
        second = asyncio.ensure_future(waiting.add(SOUND, bytes(WAITING)))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not second.done()
        hearing = asyncio.ensure_future(waiting.run(cast(AsyncClient, client), "micro", ["alexa"]))
        await second
        waiting.end()
        await hearing
        assert len(sent) == 1
        return client.heard

    assert asyncio.run(main()) == 2 * WAITING
