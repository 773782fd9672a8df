"""`hushd talk -- PROGRAM` with real engines, and a person on a device that keeps real time."""

from __future__ import annotations

import contextlib
import os
import pty
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hushd import Client
from support.peer import Supervisor
from support.programs import Programs, finish
from support.wer import word_error_rate

SENTENCES = (
    "Monday is the best day of the week.",
    "Walter carried seven boxes upstairs.",
    "Gardens need a lot of water.",
)
PAUSE_S = 0.9
RATE = 16_000  # Hz, of a monologue


def monologue(sentences: Sequence[str] = SENTENCES) -> bytes:
    """The sentences, spoken, and between them pauses that end an utterance, or nearly."""
    parts = [np.zeros(RATE // 2, np.float32)]
    with Client() as client:
        for sentence in sentences:
            samples = client.synthesize(sentence, sample_rate=RATE).array()
            loud = np.flatnonzero(np.abs(samples) > 0.01)
            parts += [samples[loud[0] : loud[-1] + 1], np.zeros(round(PAUSE_S * RATE), np.float32)]
    return (np.concatenate(parts) * 32767).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def spoken(carried: Supervisor) -> bytes:
    """The monologue, which is made once; both engines are loaded."""
    with Client() as client:
        client.preload("stt")
    return monologue()


@pytest.fixture
def stage(spoken: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Programs]:
    """Somebody who begins to speak when the microphone is opened, and does not wait for anybody."""
    (tmp_path / "monologue").write_bytes(spoken)
    monkeypatch.setenv("HUSHD_MONOLOGUE", str(tmp_path / "monologue"))
    made = Programs(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("mode", ["--headphones", pytest.param("--half-duplex", marks=pytest.mark.night)])
def test_no_word_is_lost_after_a_pause(mode: str, stage: Programs, tmp_path: Path) -> None:
    """Whoever goes on while the utterance before is being made out is heard from the first word."""
    heard = tmp_path / "heard"
    program = f'while read line; do echo "$line" >> {heard}; case $line in *ardens*) exit 7; esac; done'
    talk = stage.start("hushd", "talk", mode, "--", "sh", "-c", program)
    finish(talk, 7)
    text = heard.read_text()
    assert [sentence.split()[0] in text for sentence in SENTENCES] == [True] * 3, text
    assert word_error_rate(" ".join(SENTENCES), text) <= 1 / 18, text


PROGRAM = "echo Say something, please.; read line; echo I am broken. >&2; exit 7"


def test_a_terminal_shows_who_says_what(stage: Programs) -> None:
    """The program's words are plain, the person's bold and behind a mark, and its complaints are in between."""
    ours, theirs = pty.openpty()
    talk = stage.start("hushd", "talk", "--half-duplex", "--", "sh", "-c", PROGRAM, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    assert talk.wait(60) == 7
    lines = [line.split("\r\x1b[K")[-1] for line in shown.decode().replace("\r\n", "\n").splitlines()]
    assert lines[0] == "Say something, please."
    heard = next(line for line in lines if line.startswith("\x1b[1m> "))  # the person may be heard on before the end
    assert heard.endswith("\x1b[0m")
    assert lines.index(heard) < lines.index("I am broken.")


END = "That is all."  # one word by itself is misheard now and then


@pytest.fixture
def ended(stage: Programs, tmp_path: Path) -> Programs:
    """Somebody who says two sentences, the end word, and another sentence."""
    (tmp_path / "monologue").write_bytes(monologue((*SENTENCES[:2], END, SENTENCES[2])))
    return stage


@pytest.mark.parametrize("mode", ["--headphones", pytest.param("--half-duplex", marks=pytest.mark.night)])
def test_a_turn_ends_with_the_end_word_alone(mode: str, ended: Programs, tmp_path: Path) -> None:
    """With `--until` a program gets all that was said before the words as one line, through pauses."""
    heard = tmp_path / "heard"
    program = f'read line; echo "$line" > {heard}; exit 7'
    finish(ended.start("hushd", "talk", mode, "--until", "that is all", "--", "sh", "-c", program), 7)
    assert word_error_rate(" ".join(SENTENCES[:2]), heard.read_text()) <= 1 / 13, heard.read_text()


def test_listen_until_the_end_word(ended: Programs) -> None:
    """`listen --until` prints all that is said before the words, through pauses."""
    listen = ended.start("listen", "--until", "that is all")
    text, complaint = listen.communicate(timeout=60)
    assert (listen.returncode, complaint) == (0, b"")
    assert word_error_rate(" ".join(SENTENCES[:2]), text.decode()) <= 1 / 13, text
