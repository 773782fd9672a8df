"""Errors as OpenAI's packages take them: their types, what they repeat and after how long, and what brings a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hushd_gateway.http.errors import ApiError
from hushd_protocol.errors import CODES, HushdError
from support.http_gateway import HttpGateway

if TYPE_CHECKING:
    from openai import OpenAI

TYPES = {
    400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError",
    409: "ConflictError", 422: "UnprocessableEntityError", 429: "RateLimitError",
}  # fmt: skip


@pytest.fixture
def package() -> ModuleType:
    """OpenAI's for Python, whose import takes a second."""
    return import_module("openai")


def refusal(code: str) -> ApiError:
    """The answer to a request that failed with this code; a busy one says when to ask again."""
    return ApiError.of(HushdError(code, "It failed.", 2000 if code in ("overloaded", "server_busy") else None))


def expected(code: str) -> tuple[str, int]:
    """The type of the error, and how often a package asks: three times where that may help, and else once."""
    status = refusal(code).status
    kind = TYPES.get(status, "InternalServerError" if status >= 500 else "APIStatusError")
    repeated = CODES[code].retryable or code == "no_supervisor"
    return kind, 3 if repeated and (status in (408, 409, 429) or status >= 500) else 1


@pytest.mark.parametrize("code", CODES)
def test_what_would_fail_again_is_not_repeated(package: ModuleType, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package for Python has a type for each of hushd's errors, and waits as long as `Retry-After` says."""
    import httpx2

    answer, asked, slept = refusal(code).response(), [], []

    def transport(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(answer.status_code, headers=dict(answer.headers), content=bytes(answer.body))

    monkeypatch.setattr("openai._base_client.time.sleep", slept.append)
    client = package.OpenAI(
        base_url="http://localhost/v1", api_key="none",
        http_client=httpx2.Client(transport=httpx2.MockTransport(transport)),
    )  # fmt: skip
    with pytest.raises(package.APIStatusError, match=r"It failed|shutting down") as refused:
        client.audio.speech.create(model="tts-1", voice="alloy", input="x")
    assert (type(refused.value).__name__, len(asked)) == expected(code)
    assert len(slept) == len(asked) - 1
    if code in ("overloaded", "server_busy"):
        assert slept == [2.0, 2.0]


@pytest.fixture
def guarded(home: Path, gateway: HttpGateway) -> Iterator[HttpGateway]:
    """A second gateway for the real engines, with the token `s3cret`."""
    second = HttpGateway(home, TOKEN="s3cret")
    yield second
    second.stop()


def test_a_wrong_key_is_said_at_once(package: ModuleType, guarded: HttpGateway) -> None:
    """`AuthenticationError` with OpenAI's code, and the right key is taken."""
    with package.OpenAI(base_url=guarded.url, api_key="wrong") as client:
        with pytest.raises(package.AuthenticationError) as refused:
            client.audio.speech.create(model="tts-1", voice="alloy", input="x")
        assert refused.value.code == "invalid_api_key"
        assert client.with_options(api_key="s3cret").models.list().data


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
@pytest.mark.parametrize("ask", [
    {"response_format": "verbose_json", "timestamp_granularities": ["word"]},
    {"language": "ja"}, {"model": "onnx-asr/nemo-canary-1b-v2"}, {"translate": True},
])  # fmt: skip
def test_what_only_another_model_can_has_the_command_that_brings_it(
    package: ModuleType, openai: OpenAI, beckett: Path, ask: dict[str, object]
) -> None:
    """A 404 of OpenAI's code whose message has one line to paste: the engine first where that lacks too."""
    ask = {"model": "whisper-1", "file": beckett, **ask}
    create = openai.audio.translations.create if ask.pop("translate", False) else openai.audio.transcriptions.create
    with pytest.raises(package.NotFoundError) as refused:
        create(**ask)  # type: ignore[operator]
    assert refused.value.code == "model_not_found"
    (command,) = re.findall(r"`((?:[^`]* && )?hushd (?:models pull|get) [^`]+)`", refused.value.message)
    assert re.fullmatch(r"(.+ && )?hushd models pull [\w.-]+/[\w.-]+|hushd get ja", command)
