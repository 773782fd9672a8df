"""`listen` as people use it on many and on long recordings: real commands, a real supervisor, real speech."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import wave
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from support import warm
from support.peer import Supervisor, descendants, wait_until
from support.wer import BECKETT, FIRST_HALF, word_error_rate

LISTEN = str(Path(sys.executable).parent / "listen")

Start = Callable[..., Supervisor]


def recording(name: str) -> Path:
    """A recording of a person, from the wheel of moonshine-voice."""
    import moonshine_voice

    return Path(moonshine_voice.__file__).parent / "assets" / name


@pytest.fixture
def reading(tmp_path: Path) -> Path:
    """`FIRST_HALF` of the recording two_cities.wav, which is three pieces and eight sentences: 24 s."""
    file = tmp_path / "reading.wav"
    with wave.open(str(recording("two_cities.wav"))) as source, wave.open(str(file), "wb") as target:
        target.setparams(source.getparams())
        target.writeframes(source.readframes(1_171_200))
    return file


@pytest.fixture
def hushd(start_supervisor: Start) -> Supervisor:
    """A supervisor with the engines that hushd carries, as a user has it."""
    return start_supervisor("")


def run(*arguments: str | Path) -> str:
    """Returns the output of `listen`, which must succeed and leave standard error empty."""
    done = warm.run([LISTEN, *arguments], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_many_files_keep_their_order(hushd: Supervisor, reading: Path, tmp_path: Path) -> None:
    """A long file before short ones: texts come in the order of the arguments, all formats of each into a folder."""
    files = [tmp_path / "0.wav", tmp_path / "1.wav", tmp_path / "2.wav"]
    for file, source in zip(files, (reading, recording("beckett.wav"), recording("beckett.wav")), strict=True):
        file.write_bytes(source.read_bytes())
    assert word_error_rate(f"{FIRST_HALF} {BECKETT} {BECKETT}", run(*files)) <= 0.08
    folder = tmp_path / "out"
    assert run(*files[:2], "-f", "all", "-o", folder) == ""
    assert len(list(folder.iterdir())) == 10
    cues = (folder / "0.srt").read_text().split("\n\n")[:-1]
    assert len(cues) >= 5
    for cue in cues:
        _, times, *lines = cue.split("\n")
        assert " --> " in times
        assert 1 <= len(lines) <= 2
        assert all(len(line) <= 42 for line in lines)


def test_a_worker_killed_in_the_middle_costs_no_word(hushd: Supervisor, reading: Path) -> None:
    """SIGKILL for the worker after a line: the next one hears the rest, and nobody notices."""
    with warm.Popen([LISTEN, reading], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        first = process.stdout.readline()
        (worker,) = descendants(hushd.folder)
        os.kill(worker, signal.SIGKILL)
        text = first + process.stdout.read()
    assert process.returncode == 0
    assert word_error_rate(FIRST_HALF, text) <= 0.08
    with hushd.connect() as peer:
        assert peer.status("stt/moonshine/tiny-en")["crashes"] == 1


@pytest.mark.timeout(200)
def test_a_killed_transcription_is_resumed(hushd: Supervisor, reading: Path, runtime: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle of five minutes: --resume hears the rest only, and no word is lost or doubled."""
    long = tmp_path / "long.wav"
    with wave.open(str(reading)) as source, wave.open(str(long), "wb") as target:
        target.setparams(source.getparams())
        speech, second = source.readframes(source.getnframes()), source.getframerate() * source.getsampwidth()
        target.writeframes(speech + bytes(280 * second))  # so that it is long enough for a journal
    journals = runtime / "state" / "transcripts"
    process = warm.Popen([LISTEN, long, "-f", "json"], stdout=subprocess.DEVNULL)

    def heard() -> int:
        return sum(file.read_text().count("\n") - 1 for file in journals.glob("*"))

    wait_until(lambda: heard() >= 2, "some segments")
    process.kill()
    process.wait(10)
    before = heard()
    document = json.loads(run(long, "-f", "json", "--resume"))
    whole = json.loads(run(long, "-f", "json"))
    assert len(document["text"].split()) == len(whole["text"].split())
    assert word_error_rate(whole["text"], document["text"]) <= 1 / 100
    segments = document["segments"]
    assert len(segments) > before
    assert [segment["id"] for segment in segments] == list(range(len(segments)))
    assert all(a["end"] <= b["start"] for a, b in pairwise(segments))
    assert word_error_rate(FIRST_HALF, document["text"]) <= 0.08
    assert not list(journals.glob("*"))
