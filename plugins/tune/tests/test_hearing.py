"""Models hear one after the other, each sentence once; a failure is one model's, and memory is given back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_tune.hearing import hear, summary
from hushd_tune.tuning_folder import Clip, Hearing, TuningFolder

CLIPS = [Clip(f"{key}.wav", Path(f"/{key}.wav"), "A text.", key) for key in "abc"]


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


def heard(client: Client, kept: TuningFolder, *names: str, clips: list[Clip] = CLIPS) -> dict[str, str]:
    return hear(client, kept, clips, names, "en", lambda model, number: None)  # type: ignore[arg-type]


def test_each_model_hears_each_sentence_once(tmp_path: Path) -> None:
    """A new model hears all, a new sentence is heard by all, and nothing else is asked again."""
    kept, client = TuningFolder(tmp_path), Client()
    assert heard(client, kept, "e/a") == {}
    assert client.done == ["e/a a", "e/a b", "e/a c", "unload stt/e/a"]
    client.done.clear()
    heard(client, kept, "e/a", "e/b")
    assert client.done == ["e/b a", "e/b b", "e/b c", "unload stt/e/b"]
    client.done.clear()
    heard(client, kept, "e/a", clips=[*CLIPS, Clip("d.wav", Path("/d.wav"), "More.", "d")])
    assert client.done == ["e/a d", "unload stt/e/a"]
    client.done.clear()
    hear(client, kept, CLIPS[:1], ["e/a"], "en", lambda model, number: None, again=True)  # type: ignore[arg-type]
    assert client.done == ["e/a a", "unload stt/e/a"]
    known = kept.heard()["e/a"]
    assert {hearing.text for hearing in known.values()} == {"a text"}
    figures = summary("e/a", CLIPS, known, [0, 1, 0])
    assert (figures.errors, figures.memory_mb) == ((0, 1, 0), 250.0)
    assert figures.speed > 1


def test_a_model_that_ran_before_runs_on(tmp_path: Path) -> None:
    """It is somebody's."""
    client = Client(running=("stt/e/a",))
    heard(client, TuningFolder(tmp_path), "e/a")
    assert not any(done.startswith("unload") for done in client.done)


def test_one_model_that_fails_leaves_the_others(tmp_path: Path) -> None:
    """Its reason is returned, and nothing of it is kept; the next one hears."""
    kept = TuningFolder(tmp_path)
    client = Client(fails={"stt/e/a": HushdError("model_too_large", "It is too large.")})
    assert heard(client, kept, "e/a", "e/b") == {"e/a": "It is too large."}
    assert set(kept.heard()) == {"e/b"}


def test_an_error_of_all_ends_it(tmp_path: Path) -> None:
    """Without a supervisor no model can be heard; the texts of earlier models stay."""
    kept = TuningFolder(tmp_path)
    client = Client(fails={"stt/e/b": HushdError("supervisor_lost", "It is gone.")})
    with pytest.raises(HushdError, match="It is gone"):
        heard(client, kept, "e/a", "e/b", "e/c")
    assert set(kept.heard()) == {"e/a"}


def test_hearings_are_read_strictly() -> None:
    """A number is not a text."""
    with pytest.raises(HushdError):
        Hearing.from_data({"text": 3, "work_s": 1, "first_s": 1, "audio_s": 1, "memory_mb": 1}, "e/a")
