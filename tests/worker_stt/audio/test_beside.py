"""Recordings that a process beside the worker decodes: the same samples and errors, and nobody else's harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from hushd import Client
from hushd_protocol.errors import HushdError
from hushd_worker.job import Cancelled
from hushd_worker_stt.audio import beside
from hushd_worker_stt.audio.beside import RecordingBeside
from hushd_worker_stt.audio.recording import Recording, open_input
from hushd_worker_stt.worker import SpeechToText
from support.films import film
from support.peer import BOUND_S, Supervisor, command, wait_until
from support.stt_jobs import Ask, make_job

SLEEPING = Path(__file__).parents[2] / "support" / "sleeping_card.py"


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    """Ends the decoders that are kept."""
    yield
    while beside._idle:
        beside._idle.pop().end()


def made(folder: Path, name: str, seconds: float = 5.0, rate: int = 44_100) -> Path:
    """A recording of two channels."""
    time = np.arange(round(seconds * rate)) / rate
    chord = np.stack([0.2 * np.sin(2 * np.pi * pitch * time) for pitch in (220, 1500)], axis=1)
    soundfile.write(folder / name, chord.astype(np.float32), rate)
    return folder / name


def both(source: Path | bytes, start_s: float = 0.0, track: int = 1) -> Iterator[Any]:
    """Yields the worker's reading, then that of a process beside it: samples and all known at the end, or the error."""
    for kind in (Recording, RecordingBeside):
        job, _ = make_job(source)
        try:
            with open_input(job) as file, kind(job, start_s, track, file) as recording:
                samples = np.concatenate(list(recording.blocks()))
                damage = recording.damage and (recording.damage.message, recording.damage.detail)
                yield samples.tobytes(), recording.duration, recording.tracks, recording.mixdown.cancelled, damage
        except HushdError as error:
            yield error.code, error.message, error.detail


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
@pytest.mark.parametrize("start_s", [0.0, 2.7])
def test_the_samples_are_the_same(tmp_path: Path, name: str, start_s: float) -> None:
    """To the last bit, from wherever they are read."""
    here, there = both(made(tmp_path, name), start_s)
    assert here == there
    assert len(here[0]) > 4 * 16_000


def test_so_are_films(tmp_path: Path) -> None:
    """With the number of tracks, and the error of a track that is not there."""
    sound = np.sin(np.arange(32_000) * 0.1, dtype=np.float32) / 2
    path = film(tmp_path / "film.mkv", sound, sound)
    here, there = both(path, track=2)
    assert here == there
    assert here[2] == 2
    assert len(set(map(str, both(path, track=7)))) == 1


@pytest.mark.parametrize("fault", ["empty", "noise", "cut off", "phase", "track"])
def test_so_is_all_that_is_wrong(tmp_path: Path, fault: str) -> None:
    """Each by the sentence that the worker would say."""
    path = made(tmp_path, "a.wav")
    data = path.read_bytes()
    if fault == "phase":
        tone = 0.2 * np.sin(np.arange(80_000) / 10)
        soundfile.write(path, np.stack([tone, -tone], axis=1), 16_000)
        data = path.read_bytes()
    content = {"empty": b"", "noise": os.urandom(3000), "cut off": data[: len(data) // 2]}.get(fault, data)
    here, there = both(content, track=2 if fault == "track" else 1)
    assert here == there


def test_a_person_is_understood_alike(ask: Ask, worker: SpeechToText, assets: Path, beckett: np.ndarray) -> None:
    """By a real engine, from a file and from bytes that were sent."""
    assert not worker._decodes_beside, "an engine on the CPU needs all cores itself"
    data = (assets / "beckett.wav").read_bytes()
    here = [ask(source) for source in (assets / "beckett.wav", data)]
    worker._decodes_beside = True
    try:
        there = [ask(source) for source in (assets / "beckett.wav", data)]
    finally:
        worker._decodes_beside = False
    assert beside._idle, "nobody was beside"
    for one, other in zip(here, there, strict=True):
        assert one.segments == other.segments != []
        assert one.result == other.result


def decoder(recording: RecordingBeside) -> psutil.Process:
    assert recording._decoder
    return psutil.Process(recording._decoder._process.pid)


def test_it_is_seconds_ahead_and_no_more(tmp_path: Path) -> None:
    """However long the recording is, if nobody takes what it has decoded."""
    path = made(tmp_path, "a.wav", 600.0, 16_000)
    size = path.stat().st_size
    job, _ = make_job(path)
    with open_input(job) as file, RecordingBeside(job, 0.0, 1, file) as recording:
        next(recording.blocks())
        process = decoder(recording)
        wait_until(lambda: process.status() == psutil.STATUS_SLEEPING and _waits(process.pid), "a full socket")
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) < size / 20  # the descriptor's place is shared
        assert process.memory_info().rss < 150e6


def _waits(pid: int) -> bool:
    """Returns whether a process waits for room in a socket."""
    return Path(f"/proc/{pid}/wchan").read_text() in ("sock_alloc_send_pskb", "0", "")


def test_a_decoder_that_dies_costs_one_try(tmp_path: Path) -> None:
    """Of its own recording; another one that is read meanwhile goes on, and the next gets a new decoder."""
    path = made(tmp_path, "a.flac", 60.0)
    expected, _ = both(path)
    jobs = [make_job(path)[0] for _ in range(2)]
    with open_input(jobs[0]) as one, open_input(jobs[1]) as other:
        dying, living = (RecordingBeside(job, 0.0, 1, file) for job, file in zip(jobs, (one, other), strict=True))
        with dying, living:
            blocks, others = dying.blocks(), living.blocks()
            first = next(others)
            next(blocks)
            decoder(dying).kill()
            with pytest.raises(HushdError, match=r"The process that decoded .*a\.flac has died \(signal 9\)") as raised:
                list(blocks)
            assert (raised.value.code, raised.value.retryable) == ("worker_failed", True)
            assert np.concatenate([first, *others]).tobytes() == expected[0]
    (kept,) = beside._idle
    kept._process.kill()
    kept._process.wait()
    assert next(both(path)) == list(both(path))[1], "one that died while it was kept costs nothing"


def test_a_cancel_leaves_nothing(tmp_path: Path) -> None:
    """The decoder ends in the middle of a film."""
    path = film(tmp_path / "a.mka", np.zeros(600 * 16_000, np.float32), codec="pcm_s16le")
    job, _ = make_job(path)
    with open_input(job) as file, RecordingBeside(job, 0.0, 1, file) as recording:
        blocks = recording.blocks()
        next(blocks)
        processes = [decoder(recording), *decoder(recording).children(recursive=True)]
        job.cancel()
        with pytest.raises(Cancelled):
            list(blocks)
    psutil.wait_procs(processes, BOUND_S)
    assert not any(process.is_running() for process in processes)
    assert beside._idle == []


def test_a_worker_that_dies_takes_its_decoders_along(tmp_path: Path) -> None:
    """One at work, and one that is kept."""
    path = made(tmp_path, "a.wav", 60.0, 16_000)
    code = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from hushd_worker_stt.audio import beside\n"
        "from support.stt_jobs import make_job\n"
        "from hushd_worker_stt.audio.recording import open_input\n"
        "job, _ = make_job(Path(sys.argv[1]))\n"
        "file, again = open_input(job), open_input(job)\n"
        "with beside.RecordingBeside(job, 0.0, 1, file) as recording:\n"
        "    at_work = beside.RecordingBeside(job, 0.0, 1, again)\n"
        "    blocks = at_work.blocks()\n"
        "    next(blocks)\n"
        "    list(recording.blocks())\n"
        "print(at_work._decoder._process.pid, beside._idle[0]._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(SLEEPING.parents[1])}
    with subprocess.Popen([sys.executable, "-c", code, path], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        decoders = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
        process.send_signal(signal.SIGKILL)
    assert len(decoders) == 2
    psutil.wait_procs(decoders, BOUND_S)
    assert not any(each.is_running() for each in decoders)


@pytest.mark.parametrize(("asked", "on_card", "expected"), [
    ("", True, True), ("", False, False), ("1", False, True), ("0", True, False), ("yes", True, True),
])  # fmt: skip
def test_where_recordings_are_decoded(
    monkeypatch: pytest.MonkeyPatch, asked: str, on_card: bool, expected: bool
) -> None:
    """Beside a worker on a card, unless its environment says otherwise."""
    monkeypatch.setenv(beside.ASKED, asked)
    assert beside.is_asked(on_card) is expected


@pytest.mark.parametrize("asked", ["0", ""])
def test_a_worker_on_a_card_reads_many_at_once(start_supervisor: Any, tmp_path: Path, assets: Path, asked: str) -> None:
    """Each by a process of its own, unless it is told not to; one whose decoder is killed fails alone."""
    program = command([sys.executable, str(SLEEPING)], "--pace", "5")
    variables = f"environment = {{HUSHD_DECODERS = '{asked}'}}\n"
    supervisor: Supervisor = start_supervisor(f"stt = 'sleeping/one'\n[worker.'stt/sleeping']\n{program}{variables}")
    recordings = [assets / "two_cities.wav"] * 3
    failures: list[HushdError] = []
    texts: list[tuple[str, ...]] = []

    def hear(path: Path) -> None:
        with Client() as client:
            try:
                texts.append(tuple(segment.text for segment in client.transcribe(path, start_s=0.0)))
            except HushdError as error:
                failures.append(error)

    threads = [threading.Thread(target=hear, args=(path,)) for path in recordings]
    for thread in threads:
        thread.start()

    def decoders() -> list[psutil.Process]:
        return [each for each in psutil.Process(supervisor.process.pid).children(recursive=True)
                if any(word.endswith("audio.beside") for word in each.cmdline())]  # fmt: skip

    if asked != "0":
        wait_until(lambda: len(decoders()) == 3, "three decoders")
        decoders()[0].kill()
    for thread in threads:
        thread.join(BOUND_S)
    assert len(set(texts)) == 1
    assert (len(texts), [error.code for error in failures]) == ((3, []) if asked == "0" else (2, ["worker_failed"]))
