"""A client whose requests any node of the cluster serves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import ray
from hushd import AsyncClient
from hushd.aio.call import AsyncCall, AsyncStream
from hushd.transport.link import Link
from hushd.transport.retry import RetryingCall
from hushd.transport.source import File, Input
from hushd.transport.steps import Await, Steps
from hushd_protocol.messages import Message, Request, Result

from . import failures, node

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle


class ClusterClient(AsyncClient):
    """`AsyncClient` with the same methods, whose requests go to deployments, by role.

    Live sessions, status and lists use this node's own supervisor, which is the nearest.
    """

    def __init__(self, engines: Mapping[str, DeploymentHandle]) -> None:
        super().__init__(holder=node.HOLDER)
        self._engines_of = engines
        self._paces = {role: Pace() for role in engines}

    def _send(
        self,
        request: Request,
        source: Input | None = None,
        voiced: Callable[[str, Request], Steps[Request]] | None = None,
    ) -> Steps[RetryingCall]:
        role = request.worker.partition("/")[0]
        if request.session or role not in self._engines_of:
            return (yield from super()._send(request, source, voiced))
        data = yield Await(_data(source))
        call = ClusterCall(
            self._engines_of[role], self._paces[role], data, self.link, self.link.placed(request), source, voiced
        )
        yield from call.begin()
        return call


class Pace:
    """The average time of one role's requests; recent ones count most."""

    def __init__(self) -> None:
        self._mean_s = 0.0

    def add(self, seconds: float) -> None:
        self._mean_s += (seconds - self._mean_s) * (0.2 if self._mean_s else 1.0)

    @property
    def retry_after_ms(self) -> int:
        """Returns the time after which a full queue probably has a place."""
        return max(1000, round(self._mean_s * 1000))


class ClusterCall(RetryingCall):
    """A request to a deployment, sent to another node if the serving one has gone."""

    max_lost = 1  # a node is lost when it dies, perhaps because of this request

    def __init__(
        self,
        engines: DeploymentHandle,
        pace: Pace,
        data: Any,
        link: Link,
        request: Request,
        source: Input | None,
        voiced: Any,
    ) -> None:
        super().__init__(link, AsyncCall, request, source, None, voiced)
        self._engines = engines
        self._pace = pace
        self._data = data

    def begin(self) -> Steps[None]:
        """Sends the request."""
        self._call = _Relayed(self._engines, self._pace, self._attempts.request, self._data)
        yield from ()


class _Relayed:
    """One attempt of a call."""

    def __init__(self, engines: DeploymentHandle, pace: Pace, request: Request, data: Any) -> None:
        at = engines.options(stream=True, multiplexed_model_id=request.worker)
        self._answers: Any = at.relay.remote(request, data)
        self._loop = asyncio.get_running_loop()
        self._pace = pace
        self._start = time.monotonic()

    async def next_message(self) -> Message:
        try:
            message: Message = await anext(self._answers)
        except asyncio.CancelledError:
            raise
        except StopAsyncIteration:
            raise EOFError from None
        except Exception as error:
            failure = failures.of(error)
            if failure.code == "overloaded" and failure.retry_after_ms is None:
                failure.retry_after_ms = self._pace.retry_after_ms
            raise failure from None
        if isinstance(message, Result):
            self._pace.add(time.monotonic() - self._start)
        return message

    def cancel(self) -> None:
        with suppress(RuntimeError):  # the loop was closed
            self._loop.call_soon_threadsafe(self._answers.cancel)


async def _data(input: Input | None) -> Any:
    """Returns the whole input, sent with the request: a file through the object store, anything else as bytes."""
    if input is None:
        return None
    if isinstance(input, File):
        return await asyncio.to_thread(lambda: ray.put(node.mapped(input.path)))
    if isinstance(input, AsyncStream):
        return b"".join([piece async for piece in input.pieces()])
    return await asyncio.to_thread(lambda: b"".join(input.pieces()))
