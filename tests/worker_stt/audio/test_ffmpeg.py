"""Video and other containers, through ffmpeg where it is installed."""

from __future__ import annotations

import io
import os
import subprocess
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Message, Progress
from hushd_worker.job import Cancelled, Job
from hushd_worker_stt.audio.recording import Recording
from hushd_worker_stt.worker import SpeechToText
from support.descriptors import open_descriptors, settled_descriptors
from support.outside import needs
from support.stopwatch import Stopwatch
from support.stt_jobs import Ask, chunked, make_job
from support.wer import BECKETT, word_error_rate

RATE = 16_000
needs_ffmpeg = needs("ffmpeg")
FORMATS = {
    "mp4": ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=5", "-c:v", "mpeg4", "-c:a", "aac", "-shortest"],
    "mkv": ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=5", "-c:v", "mpeg4", "-c:a", "ac3", "-ac", "6", "-shortest"],
    "webm": ["-c:a", "libopus"],
    "m4a": ["-c:a", "aac"],
    "aac": ["-c:a", "aac"],
    "avi": ["-c:a", "mp2"],
    "wma": ["-c:a", "wmav2"],
}


def convert(source: Path, target: Path) -> Path:
    done = subprocess.run(
        ["ffmpeg", "-y", "-loglevel", "error", "-i", source, *FORMATS[target.suffix[1:]], target],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"this ffmpeg does not write {target.suffix[1:]}")
    return target


@needs_ffmpeg
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("way", ["path", "stream"])
def test_the_sound_of_any_container_is_understood(ask: Ask, assets: Path, tmp_path: Path, form: str, way: str) -> None:
    """A person in a video is heard, by path or sent as bytes, and the length is known for the progress."""
    path = convert(assets / "beckett.wav", tmp_path / f"speech.{form}")
    asked = ask(path if way == "path" else chunked(path.read_bytes(), 60_000))
    assert asked.error is None
    assert word_error_rate(BECKETT, asked.text) <= 2 / 12
    assert asked.result["duration"] == pytest.approx(9.963, abs=0.15)


@needs_ffmpeg
@pytest.mark.parametrize("form", ["mp4", "mkv", "m4a"])
def test_from_the_middle(assets: Path, tmp_path: Path, form: str) -> None:
    """Reading from 6 s on gives the samples that the whole has there, with the whole's times.

    ffmpeg 9 begins up to 50 ms later in an M4A, by its encoder's delay; 5 does not.
    """
    path = convert(assets / "beckett.wav", tmp_path / f"a.{form}")

    def samples(start: float) -> np.ndarray:
        job, _ = make_job(path)
        with Recording(job, start) as recording:
            samples = np.concatenate(list(recording.blocks()))
        assert recording.damage is None
        assert recording.seconds == pytest.approx(9.963, abs=0.15)
        assert recording.duration == pytest.approx(9.963, abs=0.7)  # the picture goes on for some frames
        return samples

    def loudness(samples: np.ndarray) -> np.ndarray:
        return np.abs(samples[: len(samples) // 1600 * 1600].reshape(-1, 1600)).max(axis=1)

    whole, rest = samples(0.0)[6 * RATE :], loudness(samples(6.0))
    beginnings = range(0, RATE // 20 + 1, 16) if form == "m4a" else [0]
    assert any(
        np.abs(rest[: len(at)] - at[: len(rest)]).max() < 0.1 for at in (loudness(whole[n:]) for n in beginnings)
    )


@needs_ffmpeg
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"Dear diary, this is no sound at all.\n" * 100, "ffmpeg says: Invalid data"),
        (b"\x1a\x45\xdf\xa3" + bytes(500), "ffmpeg says"),
        (b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n", "cannot be read as audio"),
    ],
    ids=["text", "matroska", "playlist"],
)
def test_what_ffmpeg_cannot_read_is_one_sentence(tmp_path: Path, data: bytes, words: str) -> None:
    """ffmpeg's own last words, without its addresses and prefixes; a playlist makes it fetch nothing."""
    path = tmp_path / "voice.mkv"
    path.write_bytes(data)
    job, _ = make_job(path)
    with pytest.raises(HushdError) as caught, Recording(job) as recording:
        list(recording.blocks())
    assert caught.value.code == "input_unreadable"
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert "0x" not in caught.value.message
    assert "/dev/fd" not in caught.value.message


@needs_ffmpeg
def test_a_video_without_sound(tmp_path: Path) -> None:
    """Pictures alone are input_unreadable, in one sentence of ours."""
    path = tmp_path / "mute.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=1", "-c:v", "mpeg4"]
    subprocess.run(["ffmpeg", "-loglevel", "error", *picture, path], stdin=subprocess.DEVNULL, check=True)
    job, _ = make_job(path)
    with pytest.raises(HushdError, match=r"mute.mp4 holds no audio\.$") as caught, Recording(job) as recording:
        list(recording.blocks())
    assert caught.value.code == "input_unreadable"


def test_without_ffmpeg_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing ffmpeg is an error that says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "voice.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(500))
    job, _ = make_job(path)
    with pytest.raises(HushdError, match="apt install ffmpeg") as caught:
        Recording(job)
    assert caught.value.code == "input_unreadable"
    assert "\n" not in caught.value.message


def in_series(form: str, seconds: int) -> bytes:
    """Three recordings of so many seconds each as one file, as `cat` makes it."""
    parts = []
    for number in range(3):
        tone = np.sin(np.arange(seconds * RATE) * (0.05 + 0.01 * number), dtype=np.float32) / 2
        sink = io.BytesIO()
        soundfile.write(sink, tone, RATE, format=form)
        parts.append(sink.getvalue())
    return b"".join(parts)


@needs_ffmpeg
@pytest.mark.parametrize("form", ["OGG", "MP3"])
@pytest.mark.parametrize("start", [0.0, 25.0])
def test_what_was_joined_is_read_to_its_end(form: str, start: float) -> None:
    """libsndfile would end with the first of three recordings, and say nothing of it."""
    job, _ = make_job(in_series(form, 12) if form == "OGG" else [in_series(form, 12)])
    with Recording(job, start) as recording:
        samples = np.concatenate(list(recording.blocks()))
    assert recording.damage is None
    assert len(samples) / RATE == pytest.approx(36 - start, abs=0.6)


@pytest.mark.parametrize("form", ["OGG", "MP3"])
def test_what_was_joined_is_not_whole_without_ffmpeg(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of them is read, and the error says why no more."""
    monkeypatch.setenv("PATH", str(tmp_path))
    job, _ = make_job([in_series(form, 12)])
    with Recording(job) as recording:
        samples = np.concatenate(list(recording.blocks()))
    assert len(samples) / RATE == pytest.approx(12, abs=0.2)
    assert recording.damage
    assert "consists of several recordings, which need ffmpeg): only its first 12.0 seconds" in recording.damage.message


@pytest.mark.parametrize("form", ["OGG", "MP3", "FLAC", "WAV"])
def test_what_follows_a_recording_is_no_damage(form: str) -> None:
    """Tags at its end cost none of its last samples."""
    sink = io.BytesIO()
    soundfile.write(sink, np.sin(np.arange(int(2.96 * RATE)) * 0.05, dtype=np.float32) / 2, RATE, format=form)
    job, _ = make_job(sink.getvalue() + b"TAG" + bytes(125))
    with Recording(job) as recording:
        samples = np.concatenate(list(recording.blocks()))
    assert recording.damage is None
    assert len(samples) == int(2.96 * RATE)


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.name() == "ffmpeg"]


@needs_ffmpeg
def test_a_cancelled_job_ends_ffmpeg(worker: SpeechToText, assets: Path, tmp_path: Path) -> None:
    """Cancelled in the middle of a long film: the job ends within a second, and the child is gone and reaped."""
    samples, rate = soundfile.read(assets / "two_cities.wav", dtype="int16")
    with soundfile.SoundFile(tmp_path / "a.wav", "w", rate, 1, subtype="PCM_16") as file:
        for _ in range(10):
            file.write(samples)
    path = convert(tmp_path / "a.wav", tmp_path / "film.m4a")
    cancelled_at = 0.0

    def cancel(job: Job, message: Message) -> None:
        nonlocal cancelled_at
        if isinstance(message, Progress):
            assert message.total == pytest.approx(443.7, abs=1)
            assert children()
            cancelled_at = Stopwatch()
            job.cancel()

    before = settled_descriptors()
    job, _ = make_job(path, on_send=cancel)
    with pytest.raises(Cancelled):
        worker.run(job)
    assert cancelled_at.calm < 1.0
    assert children() == []
    assert open_descriptors() <= before


def test_a_decoder_that_says_nothing_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ffmpeg that hangs does not hang the job."""
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    path = tmp_path / "voice.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(500))
    job, _ = make_job(path)
    threading.Timer(0.1, job.cancel).start()
    began = Stopwatch()
    with pytest.raises(Cancelled), Recording(job) as recording:
        list(recording.blocks())
    assert began.calm < 5


def test_a_decoder_that_breaks_off_loses_nothing_of_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Audio before the failure is read, and the error says how far it went and why."""
    program = tmp_path / "ffmpeg"
    program.write_text(
        "#!/bin/sh\necho '  Duration: 01:02:03.50, start: 0.0' >&2\nhead -c 128002 /dev/zero\n"
        "echo '[mov @ 0x55] [error] /dev/fd/9: the film tore.' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    path = tmp_path / "voice.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(500))
    job, _ = make_job(path)
    with Recording(job, 5.0) as recording:
        assert sum(map(len, recording.blocks())) == RATE
    assert recording.duration == 3723.5
    assert recording.damage
    assert "(ffmpeg says: the film tore): only its first 6.0 seconds" in recording.damage.message


def film(assets: Path, path: Path, *tracks: str) -> Path:
    """A film whose tracks of sound are each a recording, or silence as long."""
    sources = [
        ["-f", "lavfi", "-t", "10", "-i", "anullsrc=r=16000:cl=mono"] if track == "silence" else ["-i", assets / track]
        for track in tracks
    ]
    maps = [word for number in range(len(tracks)) for word in ("-map", f"{number}:a")]
    command = ["ffmpeg", "-y", "-loglevel", "error", *(word for source in sources for word in source), *maps]
    subprocess.run([*command, "-c:a", "aac", path], stdin=subprocess.DEVNULL, check=True)
    return path


@needs_ffmpeg
@pytest.mark.parametrize("way", ["path", "stream"])
def test_the_track_with_speech_is_taken(ask: Ask, assets: Path, tmp_path: Path, way: str) -> None:
    """Of a film whose first tracks are silent the third one is transcribed, by path or sent, and the result says so."""
    path = film(assets, tmp_path / "film.mkv", "silence", "silence", "beckett.wav")
    asked = ask(path if way == "path" else chunked(path.read_bytes(), 60_000))
    assert word_error_rate(BECKETT, asked.text) <= 2 / 12
    assert [warning["code"] for warning in asked.result["warnings"]] == ["other_track"]
    assert "track 3 of 3" in asked.result["warnings"][0]["message"]


@needs_ffmpeg
def test_a_track_is_chosen(ask: Ask, assets: Path, tmp_path: Path) -> None:
    """`audio_track` is that one, even if it is silent; without it the first one, if somebody speaks there; one that is
    not there is an error that says how many there are."""
    path = film(assets, tmp_path / "film.mkv", "beckett.wav", "silence")
    assert word_error_rate(BECKETT, ask(path, {"audio_track": 1}).text) <= 2 / 12
    assert "warnings" not in ask(path).result
    silent = ask(path, {"audio_track": 2})
    assert [warning["code"] for warning in silent.result["warnings"]] == ["no_speech"]
    for source, number in ((path, "2 audio tracks"), (assets / "beckett.wav", "one audio track")):
        error = ask(source, {"audio_track": 3}).error
        assert error
        assert error.code == "bad_request"
        assert error.message == f"{source} has {number}, so audio_track cannot be 3."


@needs_ffmpeg
def test_opposite_phase_in_a_film(ask: Ask, assets: Path, tmp_path: Path) -> None:
    """Channels of a film that cancel each other are not mixed."""
    path = tmp_path / "film.m4a"
    command = ["ffmpeg", "-loglevel", "error", "-i", assets / "beckett.wav", "-af", "pan=stereo|c0=c0|c1=-1*c0", path]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
    asked = ask(path)
    assert word_error_rate(BECKETT, asked.text) <= 2 / 12
    assert [warning["code"] for warning in asked.result["warnings"]] == ["channels_cancel"]
