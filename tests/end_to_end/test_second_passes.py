"""Second passes while processes are killed: the text comes all the same."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
import soundfile
from hushd import Client, HushdError
from hushd.transcripts.second_pass import Sound
from support import moonshine_once
from support.peer import check_nothing_is_left
from support.recordings import recording

MODEL = "moonshine/tiny-en"


@pytest.fixture
def client(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A program that starts its supervisor, and another one where that has died."""
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")
    (runtime / "config.toml").write_text(moonshine_once.configuration())
    with Client() as client:
        yield client
        with contextlib.suppress(HushdError):
            client.shutdown()
    check_nothing_is_left(runtime)


@pytest.mark.parametrize("killed", ["the worker", "the supervisor"])
def test_a_second_pass_outlives_who_makes_it(killed: str, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is killed once it has got sound of the session; the text is that of the whole session's file."""
    file = recording()
    samples, rate = soundfile.read(file, dtype="int16")
    sound = samples.tobytes()
    sent = Event()

    def wav(kept: Sound, start_s: float, end_s: float, whole: object = Sound.wav) -> Iterator[bytes]:
        for block in whole(kept, start_s, end_s):  # type: ignore[operator]
            yield block
            if not sent.is_set():
                status = client.status()
                (worker,) = [worker for worker in status.workers if worker.running]
                os.kill(worker.pid if killed == "the worker" else status.supervisor.pid, signal.SIGKILL)
                sent.set()

    monkeypatch.setattr(Sound, "wav", wav)
    session = client.listen([sound], rate=rate, continuous=True, second_pass=MODEL, second_pass_each="session")
    assert [segment.text for segment in session]
    second_pass = session.after_second_pass()
    assert sent.is_set()
    assert [segment.text for segment in second_pass] == [
        segment.text for segment in client.transcribe(file, model=MODEL)
    ]
