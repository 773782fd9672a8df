"""`hushd restart` while a program plays or listens: no word is lost."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hushd import Client
from support.diary import RATE
from support.peer import Start, Supervisor, wait_until
from support.programs import Programs, finish
from support.wer import word_error_rate

SECONDS = 4


def test_a_speech_that_is_played_is_heard_whole_over_a_restart(
    programs: Programs, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It falls silent with the first supervisor, and goes on where it was with the next."""
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")
    with programs.held():  # the speech lasts until the next supervisor serves
        speech = programs.say(SECONDS)
        programs.wait_for_sound(speech)
        programs.hushd("restart")
        with Client() as client:
            wait_until(lambda: client.status().floor.speaker, "its claim")
    finish(speech)
    programs.start("hushd", "shutdown").wait()  # of the next one
    sounds = programs.sounds()
    assert {sound.pid for sound in sounds} == {speech.pid}
    assert sum(sound.heard for sound in sounds) > 0.99 * SECONDS * RATE  # a fade ends in silence


SENTENCES = (
    "Monday is the best day of the week.",
    "Walter carried seven boxes upstairs.",
    "Gardens need a lot of water.",
)


def monologue() -> bytes:
    """The sentences, spoken, and a pause after each, as a microphone would record them."""
    with Client() as client:
        spoken = [client.synthesize(sentence, sample_rate=RATE).array() for sentence in SENTENCES]
    pause = np.zeros(RATE, np.float32)
    return (
        (np.concatenate([part for speech in spoken for part in (pause, speech, pause)]) * 32767).astype("<i2").tobytes()
    )


@pytest.fixture
def hasty(start_supervisor: Start, tmp_path: Path) -> Iterator[Programs]:
    """Programs of a supervisor that lets a live session go on for a second when it is to leave."""
    start_supervisor("[worker]\ndrain_timeout = 1\n")
    programs = Programs(tmp_path)
    yield programs
    for process in programs.started:
        process.kill()
        process.communicate()


def test_a_dictation_loses_no_word_over_a_restart(
    hasty: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its worker leaves in the middle; the next one hears all that was kept, and each sentence is a line once."""
    (tmp_path / "monologue").write_bytes(monologue())
    monkeypatch.setenv("HUSHD_MONOLOGUE", str(tmp_path / "monologue"))
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")
    text = tmp_path / "text"
    with open(text, "wb") as output:
        listen = hasty.start("listen", "--continuous", stdout=output)
    wait_until(text.read_text, "a line")
    hasty.hushd("restart")
    wait_until(lambda: len(text.read_text().splitlines()) == len(SENTENCES), "the others")
    listen.send_signal(signal.SIGINT)
    finish(listen)
    hasty.start("hushd", "shutdown").wait()
    lines = text.read_text().splitlines()
    assert [line.split()[0] for line in lines] == [sentence.split()[0] for sentence in SENTENCES]
    assert word_error_rate(" ".join(SENTENCES), " ".join(lines)) <= 1 / 18
