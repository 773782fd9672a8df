"""The deployment of one role's engines: one replica a node, which passes requests to the node's supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from hushd import AsyncClient
from hushd.aio.steps import run
from hushd.transport.source import File, Inline
from hushd_protocol.messages import Message, Request
from ray import serve

from . import node

MODELS = 8  # models remembered for each replica: Serve sends a model's requests where it was used last


class Engines(AsyncClient):
    """A replica. It loads no model: the supervisor's workers do."""

    def __init__(self) -> None:
        node.prepare()
        super().__init__(holder=node.HOLDER)

    async def relay(self, request: Request, data: bytes | memoryview | None) -> AsyncIterator[Message]:
        """Yields the answers to a request with the input `data`, at last its `Result`.

        Raises:
            HushdError: from the supervisor.
        """
        await self._used(serve.get_multiplexed_model_id())
        if request.op != "transcribe" or data is None:
            async for message in self._answers(request, Inline(bytes(data)) if data else None):
                yield message
            return
        with node.as_file(data) as path:
            async for message in self._answers(request, await asyncio.to_thread(File, path)):
                yield message

    async def _answers(self, request: Request, source: File | Inline | None) -> AsyncIterator[Message]:
        call = await run(self._send(request, source))
        try:
            while (message := await run(call.receive())) is not None:
                yield message
        finally:
            call.close()

    @serve.multiplexed(max_num_models_per_replica=MODELS)  # type: ignore[untyped-decorator]
    async def _used(self, worker: str) -> str:
        return worker
