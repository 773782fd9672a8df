"""Fixtures: a tiny engine, the real one, and a job without a network."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import psutil
import pytest
from hushd_protocol.messages import Chunk, Message
from hushd_protocol.messages import Job as JobMessage
from hushd_schema import engines
from hushd_schema.engines import EngineSpec
from hushd_worker.job import Job
from hushd_worker_tts.engine import AudioChunk, Engine, Model, Voice
from hushd_worker_tts.levelling import TARGET_LUFS
from hushd_worker_tts.worker import Worker
from support.tts_jobs import ID, Spoken, speak
from support.worker_peer import NoticedCondition, folder, start

__all__ = ["folder", "start"]


class Tiny(Engine):
    """An engine that hums 10 ms a letter or digit at 8 kHz, with 0.3 s of silence at either side."""

    SPEC = EngineSpec("tiny", "tts", f"{__name__}:Tiny", "m", default_voice="ting")
    heard: ClassVar[list[str]] = []
    speeds: ClassVar[list[float]] = []

    def __init__(self, model: str) -> None:
        self.model = model
        self.heard.clear()
        self.speeds.clear()

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        return (Model("m", ("en",), 1, True, True), Model("large", ("en",), 1, False, False))

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        return (
            Voice("ting", "en-US", "female", "m", True, "I am Ting.", 200, loudness=TARGET_LUFS),
            Voice("tong", "en-GB", "male", "m", False, "I am Tong.", 100, loudness=TARGET_LUFS),
        )

    def load(self, report: Callable[[str], None]) -> None:
        report("tiny")

    def synthesize(self, text: str, voice: Voice, speed: float) -> Iterator[AudioChunk]:
        self.heard.append(text)
        self.speeds.append(speed)
        if letters := sum(c.isalnum() for c in text):
            silence = np.zeros(2400, np.float32)
            hum = np.sin(np.arange(80 * letters, dtype=np.float32) * 0.3) * np.float32(0.5)
            yield AudioChunk(np.concatenate([silence, hum, silence]), 8000)


@pytest.fixture(autouse=True, scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A state folder of the tests' own: loudness is kept there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUSHD_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A loaded worker of the engine Tiny."""
    monkeypatch.setattr(engines, "added", lambda: (Tiny.SPEC,))
    worker = Worker("tiny", "default")
    worker.load(lambda note: None)
    return worker


@pytest.fixture
def heard(tiny: Worker) -> list[str]:
    """The texts the engine Tiny was given."""
    return Tiny.heard


@pytest.fixture
def speeds(tiny: Worker) -> list[float]:
    return Tiny.speeds


@pytest.fixture(scope="module")
def hibari() -> Worker:
    """A loaded worker of the real engine, which goes with the tests of its file: it takes 60 MB."""
    worker = Worker("hibari", "default")
    worker.load(lambda note: None)
    return worker


@pytest.fixture(scope="session")
def say() -> Callable[..., Spoken]:
    return speak


class Performance:
    """A job on a thread of its own, with a client that grants credit by hand."""

    def __init__(
        self, worker: Worker, text: str = "", *, input: str = "inline", credit: int = 0, **params: Any
    ) -> None:
        self.chunks: list[Message] = []
        self.on_chunk: Callable[[], None] = lambda: None
        self.outcome: Any = None
        message = JobMessage(id=ID, op="synthesize", params=params, input=input, payload=text.encode(), credit=credit)
        self.job = Job(message, self._send)
        self._condition = self.job._changed = NoticedCondition()
        self._worker = worker
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _send(self, message: Message) -> None:
        if isinstance(message, Chunk):
            self.chunks.append(message)
            self.on_chunk()

    def _run(self) -> None:
        try:
            self.outcome = self._worker.run(self.job)
        except BaseException as error:
            self.outcome = error

    def start(self) -> None:
        self._thread.start()

    def until_waiting(self) -> bool:
        """Waits until the job waits for its client, or has ended; False: it has ended."""
        while not self._condition.waiting.wait(0.01):
            if not self._thread.is_alive():
                return False
        with self._condition:
            self._condition.waiting.clear()
        return True

    def end(self) -> Any:
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.outcome


@pytest.fixture
def perform() -> type[Performance]:
    return Performance


@pytest.fixture
def wait_for_prepared() -> Callable[[], None]:
    """Waits until the processes that prepare files for the next worker have ended, however busy the machine is."""

    def wait() -> None:
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.ZombieProcess):  # it has ended
                while not (words := child.cmdline()):
                    pass  # the kernel lets the parent go on before the new program's command line can be read
                if not any("hibari_internals" in word for word in words):
                    continue
            os.waitpid(child.pid, 0)

    return wait
