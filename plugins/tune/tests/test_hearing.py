"""Models hear one after the other, each sentence; a failure is one model's, and memory is given back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_tune.clips import Clip
from hushd_tune.hearing import Hearings, hear

CLIPS = [Clip(Path(f"/{key}.wav"), "A text.") for key in "abc"]


class Client:
    """A client of a supervisor that has some workers; `done` lists its requests."""

    def __init__(self, running: tuple[str, ...] = (), fails: dict[str, HushdError] | None = None) -> None:
        self.done: list[str] = []
        self._running = set(running)
        self._fails = fails or {}

    def status(self) -> Any:
        workers = [SimpleNamespace(name=name, pid=1, peak_rss_mb=0.0, need_mb=250.0) for name in self._running]
        return SimpleNamespace(workers=workers)

    def preload(self, worker: str) -> None:
        if worker in self._fails:
            raise self._fails[worker]
        self._running.add(worker)

    def unload(self, worker: str) -> None:
        self.done.append(f"unload {worker}")
        self._running.discard(worker)

    def transcribe_stream(self, path: Path, *, engine: str, model: str, language: str) -> Any:
        self.done.append(f"{engine}/{model} {path.stem}")

        class Segments(list[Any]):
            duration = 4.0

        return Segments([SimpleNamespace(text="a"), SimpleNamespace(text="text")])


def heard(client: Client, *names: str) -> tuple[dict[str, Hearings], dict[str, str]]:
    return hear(client, CLIPS, names, "en", lambda model, number: None)  # type: ignore[arg-type]


def test_each_model_hears_each_sentence_and_leaves() -> None:
    """One after the other, with its figures."""
    client = Client()
    found, failed = heard(client, "e/a", "e/b")
    assert failed == {}
    assert client.done == [
        "e/a a", "e/a b", "e/a c", "unload stt/e/a", "e/b a", "e/b b", "e/b c", "unload stt/e/b",
    ]  # fmt: skip
    figures = found["e/a"]
    assert (figures.texts, figures.memory_mb) == (("a text",) * 3, 250.0)
    assert figures.speed > 1


def test_a_worker_that_is_gone_has_no_memory() -> None:
    """Its texts count all the same: somebody has unloaded it behind the last sentence."""
    client = Client()
    found, _ = hear(client, CLIPS, ["e/a"], "en", lambda _, number: client.unload("stt/e/a") if number else None)  # type: ignore[arg-type]
    assert (found["e/a"].texts, found["e/a"].memory_mb) == (("a text",) * 3, 0.0)


def test_a_model_that_ran_before_runs_on() -> None:
    """It is somebody's."""
    client = Client(running=("stt/e/a",))
    heard(client, "e/a")
    assert not any(done.startswith("unload") for done in client.done)


def test_one_model_that_fails_leaves_the_others() -> None:
    """Its reason is returned, and nothing of it; the next one hears."""
    client = Client(fails={"stt/e/a": HushdError("model_too_large", "It is too large.")})
    found, failed = heard(client, "e/a", "e/b")
    assert (set(found), failed) == ({"e/b"}, {"e/a": "It is too large."})


def test_an_error_of_all_ends_it() -> None:
    """No model can be heard without a supervisor."""
    client = Client(fails={"stt/e/b": HushdError("supervisor_lost", "It is gone.")})
    with pytest.raises(HushdError, match="It is gone"):
        heard(client, "e/a", "e/b", "e/c")
