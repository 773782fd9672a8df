"""`listen` as people use it on many and on long recordings: real commands, a real supervisor, real speech."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from support import moonshine_once, warm
from support.peer import Supervisor, descendants, wait_until
from support.recordings import recording
from support.wer import FIRST_HALF, word_error_rate

LISTEN = str(Path(sys.executable).parent / "listen")


@pytest.fixture
def reading(tmp_path: Path) -> Path:
    """`FIRST_HALF` of the recording two_cities.wav, which is three pieces and eight sentences: 24 s."""
    file = tmp_path / "reading.wav"
    with wave.open(str(recording("two_cities.wav"))) as source, wave.open(str(file), "wb") as target:
        target.setparams(source.getparams())
        target.writeframes(source.readframes(1_171_200))
    return file


@pytest.fixture(scope="module")
def hold(home: Path) -> Path:
    """While this file exists, one piece is transcribed and no other."""
    return home / "hold"


@pytest.fixture(scope="module")
def hushd(home: Path, hold: Path) -> Iterator[Supervisor]:
    """A supervisor with the engines that hushd carries; the same samples are heard once in a run."""
    with Supervisor(home, moonshine_once.configuration(hold)) as started:
        yield started


def run(*arguments: str | Path) -> str:
    """Returns the output of `listen`, which must succeed and leave standard error empty."""
    done = warm.run([LISTEN, *arguments], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_worker_killed_in_the_middle_costs_no_word(hushd: Supervisor, hold: Path, reading: Path) -> None:
    """SIGKILL for the worker after a line: the next one hears the rest, and nobody notices."""
    with hushd.connect() as peer:
        crashes = peer.status("stt/moonshine/tiny-en").get("crashes", 0)
    hold.touch()
    with warm.Popen([LISTEN, reading], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        first = process.stdout.readline()
        (worker,) = descendants(hushd.folder)
        os.kill(worker, signal.SIGKILL)
        hold.unlink()
        text = first + process.stdout.read()
    assert process.returncode == 0
    assert word_error_rate(FIRST_HALF, text) <= 0.08
    with hushd.connect() as peer:
        assert peer.status("stt/moonshine/tiny-en")["crashes"] == crashes + 1


def test_a_killed_transcription_is_resumed(
    hushd: Supervisor, hold: Path, reading: Path, home: Path, tmp_path: Path
) -> None:
    """SIGKILL in the middle of five minutes: --resume hears the rest only, and no word is lost or doubled.

    What was transcribed is silent in the file by then, so that its text is lost if it is heard again.
    """
    long = tmp_path / "long.wav"
    with wave.open(str(reading)) as source, wave.open(str(long), "wb") as target:
        target.setparams(source.getparams())
        speech, second = source.readframes(source.getnframes()), source.getframerate() * source.getsampwidth()
        target.writeframes(speech + bytes(280 * second))  # so that it is long enough for a journal
    whole = json.loads(run(reading, "-f", "json"))
    journals = home / "state" / "transcripts"
    hold.touch()
    process = warm.Popen([LISTEN, long, "-f", "json"], stdout=subprocess.DEVNULL)

    def journalled() -> list[dict[str, float]]:
        lines = [line for file in journals.glob("*") for line in file.read_text().splitlines(keepends=True)[1:]]
        return [json.loads(line) for line in lines if line.endswith("\n")]

    wait_until(lambda: len(journalled()) >= 2, "some segments")
    process.kill()
    process.wait(60)
    hold.unlink()
    before = journalled()
    silence(long, before[-2]["end"])
    document = json.loads(run(long, "-f", "json", "--resume"))
    assert len(document["text"].split()) == len(whole["text"].split())
    assert word_error_rate(whole["text"], document["text"]) <= 1 / 100
    segments = document["segments"]
    assert len(segments) > len(before)
    assert [segment["id"] for segment in segments] == list(range(len(segments)))
    assert all(a["end"] <= b["start"] for a, b in pairwise(segments))
    assert word_error_rate(FIRST_HALF, document["text"]) <= 0.08
    assert not list(journals.glob("*"))


def silence(file: Path, end_s: float) -> None:
    """Overwrites the beginning of a WAV file by silence; size and time of change remain."""
    info = file.stat()
    with wave.open(str(file)) as source:
        header = info.st_size - source.getnframes() * source.getsampwidth()
        silent = round(end_s * source.getframerate()) * source.getsampwidth()
    with file.open("r+b") as target:
        target.seek(header)
        target.write(bytes(silent))
    os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))
