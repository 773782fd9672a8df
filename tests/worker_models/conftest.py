"""Fixtures of the models worker's tests: a hub, a machine of its own, and jobs without a supervisor."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_worker.job import Job
from hushd_worker_models import web
from hushd_worker_models.worker import Worker
from support.hub_server import HubServer, serving


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A hub, and a machine with empty folders that asks it and nobody else."""
    for name in ("HF_TOKEN", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, folder in (
        ("HF_HOME", "hf"), ("HUSHD_MODELS_DIR", "models"), ("XDG_CACHE_HOME", "cache"), ("HUSHD_STATE_DIR", "state"),
        ("HUSHD_RUNTIME_DIR", "run"), ("HOME", "home"),
    ):  # fmt: skip
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("HUSHD_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setattr(web, "THIRD_TRY_DELAY_S", 0.001)
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


class Asked:
    """A job of `worker`, on a thread of its own; what it has sent is in `sent`."""

    def __init__(self, worker: Worker, op: str, **params: Any) -> None:
        self.sent: list[m.Message] = []
        self.job = Job(m.Job(id=b"1" * 16, op=op, params=params, input="none"), self.sent.append)
        self.outcome: dict[str, Any] | BaseException | None = None
        self._worker = worker
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.outcome = self._worker.run(self.job)
        except BaseException as error:
            self.outcome = error

    def result(self) -> dict[str, Any]:
        """Returns the outcome.

        Raises whatever the worker has.
        """
        self._thread.join()  # a machine that is busy takes its time; a hang is for pytest's own limit
        assert self.outcome is not None
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    @property
    def steps(self) -> list[str]:
        return [message.data["text"] for message in self.sent if isinstance(message, m.Partial)]

    @property
    def progress(self) -> list[tuple[float, float]]:
        return [(message.done, message.total) for message in self.sent if isinstance(message, m.Progress)]


@pytest.fixture
def ask(hub: HubServer) -> Callable[..., Asked]:
    """Asks one worker: `ask("pull", model="faster-whisper/base")`."""
    worker = Worker("store")
    return lambda op, **params: Asked(worker, op, **params)
