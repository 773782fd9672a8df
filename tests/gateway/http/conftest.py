"""A supervisor with the real engines, and the gateway before it; one of both for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import moonshine_once
from support.http_gateway import HttpGateway
from support.peer import CONFIG, Supervisor
from support.recordings import recording

if TYPE_CHECKING:
    from openai import OpenAI

# The workers that echo are the default ones.
ECHO = f"stt = 'echo/a'\ntts = 'echo/a'\n{CONFIG}"


def _served(home: Path, config: str) -> Iterator[HttpGateway]:
    assert not (home / "client.sock").exists(), "a second supervisor would leave its requests to the first"
    with Supervisor(home, config):
        gateway = HttpGateway(home)
        yield gateway
        gateway.stop()


@pytest.fixture(scope="module")
def gateway(home: Path) -> Iterator[HttpGateway]:
    """The gateway with the real engines, which hear the same once a run."""
    yield from _served(home, moonshine_once.configuration())


@pytest.fixture(scope="module")
def echo(home: Path) -> Iterator[HttpGateway]:
    """The gateway with workers that echo what they get."""
    yield from _served(home, ECHO)


@pytest.fixture
def openai(gateway: HttpGateway) -> Iterator[OpenAI]:
    """OpenAI's own client, which asks once only."""
    from openai import OpenAI

    with OpenAI(base_url=gateway.url, api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def beckett() -> Path:
    """A recording of ten seconds in six sentences."""
    return recording()
