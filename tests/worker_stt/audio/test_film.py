"""Films and other containers, by PyAV: their sound, at the times that they state."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from hushd_worker.job import Cancelled
from hushd_worker_stt.audio import film as reading
from hushd_worker_stt.audio.recording import Recording
from support.descriptors import open_descriptors, settled_descriptors
from support.films import FORMATS, cut, film
from support.refusals import hushd_error
from support.stt_jobs import Ask, chunked, make_job
from support.wer import BECKETT, word_error_rate

RATE = 16_000
SAID = int(5.8 * RATE)  # samples of the recording up to its one long pause
WORDS = " ".join(BECKETT.split()[:8])  # that are said until then
FIRST_S = 0.33  # at which the recording's first word begins


def read(source: Any, start: float = 0.0) -> tuple[np.ndarray, Recording]:
    job, _ = make_job(source)
    with Recording(job, start) as recording:
        return np.concatenate([np.zeros(0, np.float32), *recording.blocks()]), recording


def begin(samples: np.ndarray) -> float:
    """The second of the first word."""
    return float(np.flatnonzero(np.abs(samples) > 0.02)[0]) / RATE


def likeness(samples: np.ndarray, said: np.ndarray) -> np.ndarray:
    """The first 5 s of `said` against the `samples`, 1 where they are the same: from 0.1 s earlier to 0.1 s later,
    which a codec may take."""
    earlier = np.concatenate((np.zeros(RATE // 10), samples))
    pattern = said[: 5 * RATE]
    size = len(earlier) + len(pattern)
    product = np.fft.irfft(np.fft.rfft(earlier, size) * np.conj(np.fft.rfft(pattern, size)), size)
    return product[: RATE // 5] / (pattern**2).sum()


def tones(seconds: float) -> np.ndarray:
    """Sound of which each tenth of a second has its own loudness."""
    time = np.arange(int(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * 440 * time) * (0.2 + 0.6 * ((np.floor(time * 10) * 7) % 10) / 10)).astype(np.float32)


def loudness(samples: np.ndarray) -> np.ndarray:
    return np.abs(samples[: len(samples) // 1600 * 1600].reshape(-1, 1600)).max(axis=1)


@pytest.mark.parametrize("form", FORMATS)
def test_the_sound_of_any_container_is_read(beckett: np.ndarray, tmp_path: Path, form: str) -> None:
    """The container has a path, or is sent as bytes: the sound that was put in, where it was, and the length is known
    for the progress."""
    said = beckett[: 6 * RATE]
    path = film(tmp_path / f"speech.{form}", said)
    for source in (path, chunked(path.read_bytes(), 60_000)):
        samples, recording = read(source)
        assert not recording.damage
        assert recording.duration == pytest.approx(6, abs=0.25)
        assert 0.95 < likeness(samples, said).max() < 1.05


@pytest.mark.parametrize("form", ["mp4", "mkv", "webm"])
def test_a_track_that_begins_later(beckett: np.ndarray, tmp_path: Path, form: str) -> None:
    """Sound that begins 4 s after the picture is 4 s later, from every start on; before it there is silence."""
    path = film(tmp_path / f"late.{form}", beckett[:SAID], picture_s=11.0, late_s=4.0)
    whole, recording = read(path)
    assert begin(whole) == pytest.approx(4.0 + FIRST_S, abs=0.1)
    assert not recording.damage
    for start in (2.0, 5.5):
        rest, _ = read(path, start)
        assert len(whole) - len(rest) == pytest.approx(start * RATE, abs=RATE // 500)  # Matroska counts milliseconds
        expected = loudness(whole[round(start * RATE) :])
        assert np.abs(loudness(rest)[3:] - expected[3 : len(loudness(rest))]).max() < 0.05


@pytest.mark.parametrize("form", ["webm", "mkv"])
@pytest.mark.parametrize("start", [0.0, 3.0, 9.0, 16.0])
def test_a_gap_is_silent(tmp_path: Path, form: str, start: float) -> None:
    """The clock jumps by 10 s at 4.4 s: the words after it have times from 14.4 s on, from every start."""
    path = film(tmp_path / f"gap.{form}", tones(8), gap=(4.4, 10.0))
    samples, recording = read(path, start)
    loud = np.flatnonzero(loudness(samples) > 0.1) + round(start * 10)
    assert sorted({int(tenth) for tenth in loud} & set(range(46, 143))) == []
    assert {42, 146} - {int(tenth) for tenth in loud} <= {tenth for tenth in (42, 146) if tenth < start * 10}
    assert recording.seconds == pytest.approx(18.0, abs=0.15)
    assert not recording.damage


@pytest.mark.parametrize("pace", [0.5, 0.9, 1.0884, 1.5, 2.0, 2.5])
@pytest.mark.parametrize("form", ["webm", "mkv", "mp4", "flv"])
def test_a_clock_at_a_wrong_pace_leaves_no_gaps(tmp_path: Path, form: str, pace: float) -> None:
    """Frame after frame is late by the same: each follows the one before, and nothing is missing at the end."""
    said = tones(7)
    samples, recording = read(film(tmp_path / f"a.{form}", said, pace=pace))
    assert len(samples) / RATE == pytest.approx(7, abs=0.25)
    assert likeness(samples, said).max() > 0.95
    assert not recording.damage


@pytest.mark.parametrize("form", ["webm", "mkv", "mp4"])
@pytest.mark.parametrize("together", [2, 4])
def test_packets_of_one_time_follow_each_other(tmp_path: Path, form: str, together: int) -> None:
    """Some recorders give several the time of the first, as they came."""
    said = tones(7)
    samples, recording = read(film(tmp_path / f"a.{form}", said, together=together))
    assert len(samples) / RATE == pytest.approx(7, abs=0.15)
    assert not recording.damage


@pytest.mark.parametrize(("lost", "seconds"), [(20, 12.0), (6, 12.0), (3, 12.0)])
@pytest.mark.parametrize("form", ["webm", "mkv"])
def test_lost_packets_are_silence(tmp_path: Path, form: str, lost: int, seconds: float) -> None:
    """One of several is missing here and there: what follows keeps its time."""
    samples, _ = read(film(tmp_path / f"a.{form}", tones(seconds), lost=lost))
    assert len(samples) / RATE == pytest.approx(seconds, abs=0.3)


@pytest.mark.parametrize("form", ["mkv", "webm", "mp4"])
def test_a_download_in_part_is_no_whole_film(tmp_path: Path, form: str) -> None:
    """Its file has its size from the beginning, and zeros for what did not come."""
    path = film(tmp_path / f"a.{form}", np.random.default_rng(0).normal(0, 0.1, 10 * RATE).astype(np.float32))
    data = path.read_bytes()
    middle = len(data) * 6 // 10
    rest = data[middle:]
    index = rest.find(b"moov") - 4
    kept = rest[index:] if index >= 0 else b""
    path.write_bytes(data[:middle] + bytes(len(rest) - len(kept)) + kept)
    _, recording = read(path)
    assert recording.damage


@pytest.mark.parametrize("form", ["mp4", "mkv", "m4a", "webm", "ts", "wma"])
def test_from_the_middle(tmp_path: Path, form: str) -> None:
    """Reading from 6 s on gives the samples that the whole has there, with the whole's times."""
    path = film(tmp_path / f"a.{form}", tones(10))
    (whole, first), (rest, later) = read(path), read(path, 6.0)
    assert first.damage == later.damage == ""
    assert later.seconds == pytest.approx(first.seconds, abs=0.01)
    expected = whole[6 * RATE - 8 :]
    assert abs(len(rest) - len(expected)) <= RATE // 500
    shifts = (loudness(expected[n:]) for n in range(0, RATE // 500 + 1, 8))
    assert any(np.abs(loudness(rest)[: len(at)] - at[: len(loudness(rest))]).max() < 0.1 for at in shifts)


@pytest.mark.parametrize("form", [*FORMATS, "fragments"])
def test_half_a_recording_says_so(tmp_path: Path, form: str) -> None:
    """The first part of every container is read, and the damage names how far it goes; the whole has none.

    A header at the beginning speaks of the whole; where none does, the last sound is incomplete.
    """
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"}
    options = options if form == "fragments" else {"movflags": "faststart"} if form in ("mp4", "m4a", "mov") else {}
    suffix = "mp4" if form == "fragments" else form
    noise = np.random.default_rng(0).normal(0, 0.1, 10 * RATE).astype(np.float32)  # so that no frame is short
    path = film(tmp_path / f"whole.{suffix}", noise, **options)
    samples, recording = read(path)
    assert not recording.damage
    assert len(samples) / RATE == pytest.approx(10, abs=0.2)
    half, recording = read(cut(path))
    assert recording.damage
    assert f"first {recording.seconds:.1f} seconds" in recording.damage
    assert 4.5 < len(half) / RATE < 7.5


def test_a_film_whose_sound_ends_first_is_whole(tmp_path: Path) -> None:
    """A picture that goes on damages nothing."""
    for form in ("mp4", "mkv", "webm"):
        _, recording = read(film(tmp_path / f"a.{form}", tones(4), picture_s=9.0))
        assert not recording.damage


def test_what_no_film_reader_can_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures alone are input_unreadable; without PyAV a film says what to install, and libsndfile's files go on."""
    with hushd_error("input_unreadable", r"mute.mp4 holds no audio\.$"):
        read(film(tmp_path / "mute.mp4", picture_s=1.0))
    soundfile.write(tmp_path / "a.wav", tones(1), RATE)
    path = film(tmp_path / "voice.m4a", tones(1))
    monkeypatch.setitem(sys.modules, "av", None)
    assert len(read(tmp_path / "a.wav")[0]) == RATE
    with hushd_error("engine_missing", r"needs PyAV: .*\[stt\]"):
        read(path)


def in_series(form: str, subtype: str | None, lengths_s: Sequence[float], same: bool) -> bytes:
    """Recordings of so many seconds each as one file, as `cat` makes it; `same`: of one, again and again."""
    parts: list[bytes] = []
    for number, seconds in enumerate(lengths_s):
        tone = np.sin(np.arange(int(seconds * RATE)) * (0.05 + 0.01 * number), dtype=np.float32) / 2
        tone += np.random.default_rng(number).normal(0, 0.05, len(tone)).astype(np.float32)
        sink = io.BytesIO()
        soundfile.write(sink, tone, RATE, format=form, subtype=subtype)
        parts.append(parts[0] if parts and same else sink.getvalue())
    return b"".join(parts)


@pytest.mark.parametrize("lengths_s", [(12, 12, 12), (1, 1, 1), (2, 5)])
@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize(("form", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None), ("FLAC", None)])
def test_what_was_joined_is_read_to_its_end(form: str, subtype: str, same: bool, lengths_s: tuple[float, ...]) -> None:
    """libsndfile would end with the first recording, and say nothing of it: voice notes of a second, of one number and
    of several, from every start."""
    data = in_series(form, subtype, lengths_s, same)
    total_s = len(lengths_s) * lengths_s[0] if same else sum(lengths_s)
    for start in (0.0, 0.7 * total_s):
        samples, recording = read(data if form == "OGG" else [data], start)
        assert not recording.damage
        assert len(samples) / RATE == pytest.approx(total_s - start, abs=0.13 * len(lengths_s))
    _, recording = read(data[:-99])
    assert recording.damage or form == "MP3"  # whose last header alone would know


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("tag", [0, 3_000, 700_000])
@pytest.mark.parametrize("end", [0, 128])
def test_an_mp3_that_does_not_state_its_length(mode: str, tag: int, end: int) -> None:
    """A podcast's cover, or a comment, does not make it cut off; a bit rate that changes ends no recording early."""
    sink = io.BytesIO()
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * RATE).astype(np.float32)
    sound = np.concatenate((np.zeros(6 * RATE, np.float32), noise, np.zeros(3 * RATE, np.float32)))
    soundfile.write(sink, sound, RATE, format="MP3", bitrate_mode=mode)
    data = sink.getvalue().replace(b"Xing", bytes(4), 1).replace(b"Info", bytes(4), 1)
    head = b"ID3\3\0\0" + bytes(tag >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(tag)
    samples, recording = read((head if tag else b"") + data + b"TAG"[:end] + bytes(max(0, end - 3)))
    assert not recording.damage
    assert len(samples) / RATE == pytest.approx(12, abs=0.15)


@pytest.mark.parametrize("form", ["FLAC", "MP3"])
@pytest.mark.parametrize("place", [0.2, 0.5])
def test_damage_in_the_middle_costs_itself(form: str, place: float) -> None:
    """The sound after 3,000 destroyed bytes is read, and the error says near where they are."""
    sink = io.BytesIO()
    soundfile.write(sink, np.random.default_rng(0).normal(0, 0.1, 60 * RATE).astype(np.float32), RATE, format=form)
    data = bytearray(sink.getvalue())
    at = int(place * len(data))
    data[at : at + 3000] = bytes(3000)
    samples, recording = read([bytes(data)])
    assert len(samples) / RATE == pytest.approx(60, abs=1)  # an MP3's frames do not know their time
    assert recording.damage
    near = re.search(r"is damaged near (\d+\.\d) s", recording.damage)
    assert near
    assert float(near[1]) == pytest.approx(60 * place, abs=1.5)


def test_a_film_that_begins_a_track_in_its_middle_is_read(tmp_path: Path) -> None:
    """A damaged film seems to: PyAV raises an IndexError for it at the end."""
    path = film(tmp_path / "a.flv", np.random.default_rng(0).normal(0, 0.1, 12 * RATE))
    data = path.read_bytes()
    for at in range(len(data) // 3, 2 * len(data) // 3, len(data) // 200):
        path.write_bytes(data[:at] + data[at + len(data) // 10 :])
        assert len(read(path)[0]) > 10 * RATE


@pytest.mark.parametrize("form", ["aac", "ac3", "avi", "flv", "m4a", "mka", "mkv", "mp4", "ts", "webm", "wma"])
@pytest.mark.parametrize("lost", ["noise", "zeros"])
def test_a_film_is_read_beyond_damage(tmp_path: Path, form: str, lost: str) -> None:
    """A twentieth of the bytes is destroyed: the sound behind it is read, and the damage says near where it is."""
    noise = np.random.default_rng(0).normal(0, 0.1, 20 * RATE).astype(np.float32)
    path = film(tmp_path / f"a.{form}", noise, movflags="faststart")
    data = bytearray(path.read_bytes())
    at, size = len(data) // 2, len(data) // 20
    data[at : at + size] = bytes(size) if lost == "zeros" else np.random.default_rng(1).bytes(size)
    path.write_bytes(data)
    samples, recording = read(path)
    assert len(samples) / RATE == pytest.approx(20, abs=1.6)
    near = re.search(r"is damaged near (\d+\.\d) s", recording.damage)
    assert near
    assert float(near[1]) == pytest.approx(10, abs=1.6)


@pytest.mark.parametrize("form", ["ac3", "flv"])
def test_a_part_that_is_cut_out_is_named(tmp_path: Path, form: str) -> None:
    """AC3's frames have no times, but a checksum, which the one with the cut fails; an FLV's tags stand as far apart as
    before, or bytes are missing."""
    path = film(tmp_path / f"a.{form}", np.random.default_rng(0).normal(0, 0.1, 12 * RATE))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + data[len(data) // 2 + 5001 :])
    assert re.search(r"near (5\.9|6\.0) s", read(path)[1].damage)


def test_an_avi_with_aac_is_read(tmp_path: Path) -> None:
    """Its codec's tag, 0xFF, is not ASCII."""
    assert not read(film(tmp_path / "a.avi", tones(2), codec="aac"))[1].damage


@pytest.mark.parametrize("form", ["OGG", "MP3", "FLAC", "WAV"])
def test_what_follows_a_recording_is_no_damage(form: str) -> None:
    """Tags at its end cost none of its last samples."""
    sink = io.BytesIO()
    soundfile.write(sink, np.sin(np.arange(int(2.96 * RATE)) * 0.05, dtype=np.float32) / 2, RATE, format=form)
    samples, recording = read(sink.getvalue() + b"TAG" + bytes(125))
    assert not recording.damage
    assert len(samples) == int(2.96 * RATE)


def test_a_cancelled_job_ends_the_reading(tmp_path: Path) -> None:
    """It ends at the next block, and while the libraries still look for the beginning; nothing is left open."""
    job, _ = make_job(film(tmp_path / "a.mkv", tones(5)))
    before = settled_descriptors()
    with Recording(job) as recording:
        blocks = recording.blocks()
        next(blocks)
        job.cancel()
        with pytest.raises(Cancelled):
            next(blocks)
    with pytest.raises(Cancelled):
        Recording(job)
    assert open_descriptors() <= before


def test_a_long_film_takes_the_memory_of_seconds(tmp_path: Path) -> None:
    """Sound is read in blocks of a second, however long the film is."""
    path = film(tmp_path / "a.mka", np.tile(tones(60), 4))
    job, _ = make_job(path)
    with Recording(job) as recording:
        blocks = recording.blocks()
        next(blocks)
        process = psutil.Process()
        before = process.memory_info().rss
        assert max(map(len, blocks)) <= 1.2 * RATE
        assert process.memory_info().rss - before < 5e6  # of 15 MB of samples
    assert recording.seconds == pytest.approx(240, abs=1)


def test_sound_without_an_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that jumps by a year makes no year of silence: what goes on for longer than its bytes can hold is cut."""
    monkeypatch.setattr(reading, "_MAX_FILE_S", 20)
    path = film(tmp_path / "a.mkv", tones(4), gap=(2.0, 31e6))
    job, _ = make_job(path)
    with Recording(job) as recording:
        seconds = sum(map(len, recording.blocks())) / RATE
    limit = 20 + path.stat().st_size / 16
    assert limit < seconds < limit + 2
    assert recording.damage
    assert "it is longer than a file of its size can be" in recording.damage


@pytest.mark.parametrize("way", ["path", "stream"])
def test_the_track_with_speech_is_taken(ask: Ask, beckett: np.ndarray, tmp_path: Path, way: str) -> None:
    """The third track of a film whose first ones are silent is transcribed, by path or sent, and the result says so."""
    silence = np.zeros(10 * RATE, np.float32)
    path = film(tmp_path / "film.mkv", silence, silence, beckett[:SAID])
    asked = ask(path if way == "path" else chunked(path.read_bytes(), 60_000))
    assert word_error_rate(WORDS, asked.text) <= 1 / 8
    (warning,) = asked.result["warnings"]
    sentence = "There is no speech in audio track 1: this is track 3 of 3."
    assert (warning["code"], warning["message"]) == ("other_track", sentence)


@pytest.mark.parametrize("asked_for", [
    {}, {"diarize": True, "speakers": 1}, {"by_channel": False}, {"clips": [0, 9]},
], ids=["", "speakers", "as one", "clips"])  # fmt: skip
def test_a_track_that_cannot_be_decoded(
    asked_for: dict[str, Any], ask: Ask, beckett: np.ndarray, tmp_path: Path
) -> None:
    """The next one is transcribed, and the result says so, however it is to be heard; asked for by number it is an
    error, and so are none."""
    path = film(tmp_path / "two.mov", beckett[:SAID], beckett[:SAID])
    data = path.read_bytes()
    at = data.index(b"sowt", data.index(b"stsd"))
    path.write_bytes(unknown := data[:at] + b"apac" + data[at + 4 :])
    asked = ask(path, asked_for)
    assert word_error_rate(WORDS, asked.text) <= 1 / 8
    (warning,) = asked.result["warnings"]
    sentence = "Audio track 1 cannot be decoded: this is track 2 of 2."
    assert (warning["code"], warning["message"]) == ("other_track", sentence)
    at = unknown.index(b"sowt", at)
    path.write_bytes(unknown[:at] + b"apac" + unknown[at + 4 :])
    for source, params, number in ((path, {}, 2), (path, {"audio_track": 1}, 1)):
        error = ask(source, asked_for | params).error
        assert error
        assert error.code == "input_unreadable"
        assert f"its audio track {number} cannot be decoded, since its codec is unknown" in error.message


def test_a_track_is_chosen(ask: Ask, beckett: np.ndarray, assets: Path, tmp_path: Path) -> None:
    """`audio_track` is that one, even if it is silent; without it the first one, if somebody speaks there; one that is
    not there is an error that says how many there are."""
    path = film(tmp_path / "film.mkv", beckett[:SAID], np.zeros(SAID, np.float32))
    assert word_error_rate(WORDS, ask(path, {"audio_track": 1}).text) <= 1 / 8
    assert "warnings" not in ask(path).result
    silent = ask(path, {"audio_track": 2})
    assert [warning["code"] for warning in silent.result["warnings"]] == ["no_speech"]
    for source, number in ((path, "2 audio tracks"), (assets / "beckett.wav", "one audio track")):
        error = ask(source, {"audio_track": 3}).error
        assert error
        assert error.code == "bad_request"
        assert error.message == f"{source} has {number}, so audio_track cannot be 3."


@pytest.mark.parametrize(("spoken", "default", "asked", "order"), [
    (("fra", "eng"), 1, "en", [2, 1]), (("fre", "en-GB", "eng"), 1, "en", [2, 3, 1]), (("eng", "eng"), 2, "en", [2, 1]),
    (("fra", "ger"), 2, "en", [2, 1]), (("fra", "ger", "eng"), 1, "de-AT", [2, 1, 3]), (("fra", "eng"), 2, "", [2, 1]),
    (("", ""), 1, "en", [1, 2]), (("und", "x" * 99), 2, "", [2, 1]),
])  # fmt: skip
def test_the_best_track_is_the_first_choice(
    tmp_path: Path, spoken: tuple[str, ...], default: int, asked: str, order: list[int]
) -> None:
    """One in the language asked for, whatever its code; else the one that players begin with."""
    path = film(tmp_path / "a.mkv", *[tones(0.3)] * len(spoken), languages=spoken, default=default)
    job, _ = make_job(path)
    with Recording(job, language=asked) as recording:
        assert list(recording.tracks) == order
        assert recording.track == order[0]
        assert set(recording.tracks.values()) <= {"fr", "de", "en", "en-gb", ""}


@pytest.mark.parametrize(("spoken", "said"), [
    (("fra", "eng"), "The audio tracks are in French and English: this is track 2 of 2, in English."),
    (("", "eng"), "There are several audio tracks: this is track 2 of 2, in English."),
])  # fmt: skip
def test_other_tracks_are_named(
    ask: Ask, beckett: np.ndarray, tmp_path: Path, spoken: tuple[str, ...], said: str
) -> None:
    """The result says which track of several was heard, and in which languages they are."""
    path = film(tmp_path / "a.mkv", beckett[SAID::-1], beckett[:SAID], languages=spoken, default=1)
    asked = ask(path, {"language": "en"})
    assert word_error_rate(WORDS, asked.text) <= 1 / 8
    assert [warning["message"] for warning in asked.result["warnings"]] == [said]


@pytest.mark.parametrize("form", ["mka", "mkv"])
def test_an_attachment_is_no_sound(tmp_path: Path, form: str) -> None:
    """A text or a picture beside the sound, whose packets are none, costs not a sample."""
    path = film(tmp_path / f"a.{form}", tones(3), attachment=b"x" * 2000)
    samples, recording = read(path)
    assert not recording.damage
    assert len(samples) == pytest.approx(3 * RATE, abs=0.07 * RATE)


def test_opposite_phase_in_a_film(ask: Ask, beckett: np.ndarray, tmp_path: Path) -> None:
    """Channels of a film that cancel each other are not mixed."""
    path = film(tmp_path / "film.m4a", np.stack([beckett, -beckett], axis=1)[:SAID], layout="stereo")
    asked = ask(path)
    assert word_error_rate(WORDS, asked.text) <= 1 / 8
    assert [warning["code"] for warning in asked.result["warnings"]] == ["channels_cancel"]
