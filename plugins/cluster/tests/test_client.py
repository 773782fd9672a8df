"""Requests to deployments, whose nodes die and whose queues are full; the deployments are stand-ins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Message, Partial, Request, Result

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed"),
    pytest.mark.usefixtures("ray"),
]


def died() -> Exception:
    """The error of a node that is gone."""
    from ray.exceptions import ActorDiedError

    return ActorDiedError()


class Answers(AsyncIterator[Message]):
    """The answer of one replica: messages, given by their data, and the exception in which they end."""

    def __init__(self, request: Request, steps: list[dict[str, Any] | Exception]) -> None:
        self._request = request
        self._steps = iter(enumerate(steps))
        self.cancelled = False

    async def __anext__(self) -> Message:
        seq, step = next(self._steps, (0, None))
        if step is None:
            raise StopAsyncIteration
        if isinstance(step, Exception):
            raise step
        if "kind" in step:
            return Partial(id=self._request.id, seq=seq, data=step)
        return Result(id=self._request.id, data=step)

    def cancel(self) -> None:
        self.cancelled = True


class Deployment:
    """A handle, whose replicas answer one after the other; `requests` are what they were sent."""

    def __init__(self, *replicas: list[dict[str, Any] | Exception]) -> None:
        self._replicas = iter(replicas)
        self.requests: list[Request] = []
        self.models: list[str] = []
        self.relay = self

    def options(self, *, stream: bool, multiplexed_model_id: str) -> Deployment:
        assert stream
        self.models.append(multiplexed_model_id)
        return self

    def remote(self, request: Request, data: bytes) -> Answers:
        assert data == b"sound"
        self.requests.append(request)
        return Answers(request, next(self._replicas))


def segment(number: int) -> dict[str, Any]:
    return {"kind": "segment", "id": number, "start": float(number), "end": number + 1.0, "text": f"part {number}"}


END = {"language": "en", "duration": 2.0, "segments": 2}


async def transcript(deployment: Deployment) -> str:
    from hushd_cluster.client import ClusterClient

    async with ClusterClient({"stt": deployment}) as client:  # type: ignore[dict-item]
        return (await client.transcribe(b"sound", engine="echo", model="a")).text


def test_a_request_goes_to_another_node_when_its_own_dies(runtime: Path) -> None:
    """Nothing was answered yet: the caller notices nothing."""
    deployment = Deployment([died()], [segment(0), segment(1), END])
    assert asyncio.run(transcript(deployment)) == "part 0 part 1"
    assert deployment.models == ["stt/echo/a", "stt/echo/a"]


def test_the_rest_of_a_transcription_is_requested_of_another_node(runtime: Path) -> None:
    """From the last segment on, which comes once."""
    deployment = Deployment([segment(0), died()], [segment(1), END])
    assert asyncio.run(transcript(deployment)) == "part 0 part 1"
    assert deployment.requests[1].params["start_s"] == 1.0


def test_two_deaths_that_brought_nothing_are_raised(runtime: Path) -> None:
    """As one sentence, and not as Ray's."""
    with pytest.raises(HushdError, match=r"^The node that served this request has gone") as raised:
        asyncio.run(transcript(Deployment([died()], [died()])))
    assert raised.value.code == "supervisor_lost"


def test_a_full_queue_is_overloaded(runtime: Path) -> None:
    """With a time after which to ask again."""
    from ray.serve.exceptions import BackPressureError

    with pytest.raises(HushdError) as raised:
        asyncio.run(transcript(Deployment([BackPressureError(1, 1)])))
    assert raised.value.code == "overloaded"
    assert raised.value.retry_after_ms == 1000


def test_errors_of_a_node_come_back_as_they_were(runtime: Path) -> None:
    """With their code."""
    with pytest.raises(HushdError, match="no such model") as raised:
        asyncio.run(transcript(Deployment([HushdError("model_missing", "There is no such model.")])))
    assert raised.value.code == "model_missing"
