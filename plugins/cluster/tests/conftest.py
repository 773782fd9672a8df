"""Ray, and a server like S3, for the tests that need them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

import pytest

from .s3_server import S3Server


@pytest.fixture(scope="session")
def ray() -> None:
    """Imports Ray, which takes most of a second and warns of itself, where it is used and not in every process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("hushd_cluster.serving")
        import_module("hushd_cluster.spread")


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server | None]:
    """A server like S3, where one can be had."""
    if find_spec("moto") is None or find_spec("s3fs") is None:
        yield None
        return
    with S3Server() as server:
        yield server


@pytest.fixture
def at_server(server: S3Server | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """The server, which libraries find with their credentials in the environment; it misbehaves until the end."""
    if server is None:
        pytest.skip("the extra ray-tests is not installed")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    import_module("s3fs").S3FileSystem.clear_instance_cache()  # they know another test's server
    yield server
    for fault in ("busy 0", "half 0", "slow 0"):
        server.tell(fault)
