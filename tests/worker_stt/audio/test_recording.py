"""Reading audio: every format, rate and channel count; everything that is broken is one sentence."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hushd_protocol.errors import HushdError
from hushd_worker.job import Cancelled
from hushd_worker_stt.audio.inlet import raw_blocks
from hushd_worker_stt.audio.recording import Recording
from support.refusals import hushd_error
from support.stt_jobs import chunked, encoded, make_job

RATE = 16_000


def read(source: Path | bytes | list[bytes], start: float = 0.0) -> tuple[np.ndarray, Recording]:
    job, _ = make_job(source)
    with Recording(job, start) as recording:
        return np.concatenate([np.zeros(0, np.float32), *recording.blocks()]), recording


def sound(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    """A chord below 2 kHz, so that every rate can hold it."""
    time = np.arange(int(seconds * rate)) / rate
    chord = sum(0.2 * np.sin(2 * np.pi * pitch * time) for pitch in (220, 440, 1500))
    return np.repeat(np.asarray(chord, np.float32)[:, None], channels, axis=1)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_channel_count(rate: int, channels: int, tmp_path: Path) -> None:
    """The same sound at any rate and with any number of channels reads as the same mono at 16 kHz."""
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(sound(2.5, rate, channels), rate))
    samples, recording = read(path)
    assert samples.dtype == np.float32
    assert recording.duration == pytest.approx(recording.seconds, abs=1e-5)
    assert recording.seconds == pytest.approx(2.5, abs=1e-3)
    assert abs(len(samples) - 2.5 * RATE) <= 2
    middle = slice(RATE // 2, 2 * RATE)
    assert np.abs(samples[middle] - sound(2.5, RATE)[middle, 0]).max() < 0.01


@pytest.mark.parametrize(
    ("form", "subtype"),
    [
        ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_U8"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"),
        ("WAV", "ULAW"), ("WAVEX", "PCM_16"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"),
        ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_16"), ("W64", "PCM_16"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["path", "stream"])
def test_any_format(form: str, subtype: str, way: str, tmp_path: Path) -> None:
    """Each format reads by path and as a stream of bytes, by content: no name tells what it is."""
    data = encoded(sound(2, 48_000, 2), 48_000, form, subtype)
    path = tmp_path / "no-extension"
    path.write_bytes(data)
    samples, recording = read(path if way == "path" else chunked(data, 4096))
    assert abs(len(samples) - 2 * RATE) < 0.06 * RATE
    assert not recording.damage
    middle = samples[RATE // 2 : RATE]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(np.sqrt(3 * 0.2**2 / 2), rel=0.1)


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
     ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_16")],
)  # fmt: skip
@pytest.mark.parametrize("start", [0.25, 3.0, 4.999])
def test_reading_from_the_middle(form: str, subtype: str, start: float, tmp_path: Path) -> None:
    """The sound from any second on is that of the whole: each tenth of a second has its own tone."""
    time = np.arange(5 * 48_000) / 48_000
    tones = 0.5 * np.sin(2 * np.pi * np.cumsum(200 + 40 * np.floor(time * 10)) / 48_000)
    path = tmp_path / "a"
    path.write_bytes(encoded(tones.astype(np.float32), 48_000, form, subtype))
    whole, recording = read(path)
    rest, later = read(path, start)
    assert later.damage == ""
    assert later.seconds == recording.seconds
    place = round(start * RATE)
    assert abs(place + len(rest) - len(whole)) <= 2
    settled = slice(RATE // 10, 2 * RATE)  # the first frames of a lossy format are not those of the whole
    expected = whole[place:][settled]
    assert np.abs(rest[settled][: len(expected)] - expected[: len(rest[settled])]).max(initial=0) < 0.12


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
def test_from_beyond_the_end_there_is_nothing(form: str) -> None:
    """Resuming where the recording ends gives nothing, and no error."""
    rest, recording = read(encoded(sound(1, RATE), RATE, form), 60.0)
    assert (len(rest), recording.damage) == (0, "")


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("way", ["path", "stream"])
def test_a_recorder_that_died_has_left_a_recording(subtype: str, way: str, tmp_path: Path) -> None:
    """A WAV whose header still says 0 bytes, since nobody came back to set it, is read to its end, and not touched."""
    whole = encoded(sound(2.5, 48_000, 2), 48_000, "WAV", subtype)
    data = bytearray(whole)
    place = data.index(b"data") + 4
    data[place : place + 4] = data[4:8] = bytes(4)
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    samples, recording = read(path if way == "path" else chunked(bytes(data), 4096))
    assert np.array_equal(samples, read(whole)[0])
    assert recording.duration == recording.seconds == pytest.approx(2.5)
    assert not recording.damage
    assert path.read_bytes() == data


def test_of_channels_around_a_centre_it_is_the_centre() -> None:
    """5.1: people speak there, whatever plays around it; while it is silent the others are weighted, the bass not."""
    noise = np.random.default_rng(0).normal(0, 0.2, (RATE, 6)).astype(np.float32)
    noise[:, 2] /= 4
    got, _ = read(encoded(noise, RATE, "WAVEX", "FLOAT"))
    assert got[RATE // 2 :] == pytest.approx(
        read(encoded(noise[:, 2:3], RATE, "WAV", "FLOAT"))[0][RATE // 2 :], abs=1e-3
    )
    tone = np.resize([0.6, -0.6], RATE)
    total = 1 + 2 * 0.707 + 2 * 0.5
    for channel, weight in enumerate((0.707, 0.707, total, 0.0, 0.5, 0.5)):
        samples = np.zeros((RATE, 6), np.float32)
        samples[:, channel] = tone
        got, _ = read(encoded(samples, RATE, "WAVEX", "PCM_16"))
        assert got == pytest.approx(tone * weight / total, abs=1e-3)


def test_channels_without_names_count_alike() -> None:
    """Six microphones of a meeting: each is a sixth of it, and none is lost."""
    tone = np.resize([0.6, -0.6], RATE)
    for channel in range(6):
        samples = np.zeros((RATE, 6), np.float32)
        samples[:, channel] = tone
        got, _ = read(encoded(samples, RATE, "WAV", "PCM_16"))
        assert got == pytest.approx(tone / 6, abs=1e-3)


def test_a_chunk_before_the_samples_may_be_large() -> None:
    """A WAV of a recorder that leaves 70 kB of room for its own notes is read."""
    data = bytearray(encoded(sound(1, RATE), RATE))
    place = data.index(b"data")
    data[place:place] = b"JUNK" + struct.pack("<I", 70_000) + bytes(70_000)
    data[4:8] = struct.pack("<I", len(data) - 8)
    samples, recording = read(bytes(data))
    assert len(samples) == RATE
    assert not recording.damage


def test_a_streaming_header_is_no_damage() -> None:
    """A writer into a pipe cannot know the length: 0xFFFFFFFF and its like promise nothing."""
    data = bytearray(encoded(sound(1, RATE), RATE))
    for size in (0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF - 36):
        place = data.index(b"data")
        data[4:8] = data[place + 4 : place + 8] = struct.pack("<I", size)
        samples, recording = read(bytes(data))
        assert len(samples) == RATE
        assert not recording.damage


def test_a_flac_of_unknown_length_is_read_to_its_last_sample() -> None:
    """A FLAC written into a pipe has no length in its header, and cannot seek; nothing of it is lost, also from the
    middle."""
    data = bytearray(encoded(sound(2.3, RATE), RATE, "FLAC"))
    data[21] &= 0xF0  # the 36 bits of STREAMINFO's count of samples
    data[22:26] = bytes(4)
    samples, recording = read(bytes(data))
    assert len(samples) == int(2.3 * RATE)
    assert recording.duration == 0.0
    assert not recording.damage
    rest, recording = read(bytes(data), 1.3)
    assert np.array_equal(rest, samples[round(1.3 * RATE) :])
    assert recording.seconds == pytest.approx(2.3)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "AIFF", "AU", "MP3", "W64", "RF64"])
def test_a_truncated_file_gives_what_is_there_and_says_so(form: str) -> None:
    """The first half is read, and the damage names how far it goes."""
    data = encoded(sound(10, RATE), RATE, form)
    samples, recording = read(data[: len(data) // 2])
    assert 3 * RATE < len(samples) < 7 * RATE
    assert f"first {recording.seconds:.1f} seconds" in recording.damage


def test_half_a_second_of_a_flac_is_read() -> None:
    """libsndfile reads nothing of a block that is cut off; its first part is decoded all the same."""
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    data = encoded(noise, RATE, "FLAC")
    samples, recording = read(data[: len(data) * 6 // 10])
    assert 0.3 * RATE < len(samples) < 0.6 * RATE
    assert np.allclose(samples, noise[: len(samples)], atol=1e-3)
    assert recording.damage


@pytest.mark.parametrize("seed", range(20))
def test_no_sound_of_an_ogg_is_lost_without_a_word(seed: int) -> None:
    """Bytes that changed, went missing or were put in, anywhere: a decoder passes over a whole page of seconds."""
    rng = random.Random(seed)
    data = bytearray(b"".join(encoded(sound(seconds, RATE), RATE, "OGG") for seconds in (3, 4)[: rng.choice([1, 2])]))
    whole, recording = read(bytes(data))
    assert not recording.damage
    at, size = rng.randrange(4_500, len(data) - 10), rng.choice([1, 10, 300, 3_000])
    match rng.choice(["changed", "missing", "more"]):
        case "changed":
            data[at : at + size] = bytes(byte ^ 255 for byte in data[at : at + size])
        case "missing":
            del data[at : at + size]
        case "more":
            data[at:at] = rng.randbytes(size)
    try:
        samples, recording = read(bytes(data))
    except HushdError:
        return  # so near the beginning that nothing can be read
    assert recording.damage or len(samples) > len(whole) - 0.3 * RATE


@pytest.mark.parametrize("place", [4, 26, 27, 28, 60, -1])
def test_an_ogg_that_ends_within_a_page_is_cut_off(place: int) -> None:
    """It may end anywhere in the page, in its head too. One whose pages are whole has its end where it says."""
    data = encoded(np.tile(sound(10, RATE), 12), RATE, "OGG")
    last = len(data) - data.rfind(b"OggS")
    missing = last - place if place > 0 else -place
    whole, recording = read(data)
    assert not recording.damage
    samples, recording = read(data[:-missing])
    assert recording.damage
    assert len(whole) > len(samples) > len(whole) * (len(data) - missing) / len(data) - 6 * RATE


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("lost", [3_000, 24_000, 72_000])
def test_behind_a_damage_of_an_mp3_each_sound_has_its_time(lost: int, stated: bool) -> None:
    """Silence stands for the frames that are gone, by their bytes, whether its header states a length or not."""
    notes = np.concatenate([sound(2, RATE) * (number % 2) for number in range(30)])
    file = io.BytesIO()
    soundfile.write(file, notes, RATE, format="MP3", bitrate_mode="CONSTANT", compression_level=0.5)
    data = bytearray(file.getvalue())
    if not stated:
        data = data.replace(b"Info", bytes(4))
    size = len(data) / 60
    place = round(19 * size)
    data[place : place + lost] = bytes(lost)
    samples, recording = read(bytes(data))
    assert "is damaged near 1" in recording.damage  # 18 or 19: it is read by blocks of a second
    assert len(samples) / RATE == pytest.approx(60, abs=0.3)
    loud = np.abs(samples[: 59 * RATE].reshape(-1, RATE // 100)).max(axis=1) > 0.1
    last = np.flatnonzero(loud[1:] & ~loud[:-1])[-1] / 100
    assert last == pytest.approx(58, abs=0.2)


@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
def test_an_ogg_without_a_mark_at_its_end_is_whole(subtype: str) -> None:
    """A stream that was recorded has none: all pages are there, and no word is missing."""
    data = bytearray(encoded(sound(5, RATE), RATE, "OGG", subtype))
    last = data.rfind(b"OggS")
    data[last + 5] &= ~4
    data[last + 22 : last + 26] = bytes(4)
    data[last + 22 : last + 26] = ogg_checksum(data[last:]).to_bytes(4, "little")
    samples, recording = read(bytes(data))
    assert len(samples) == pytest.approx(5 * RATE, abs=0.01 * RATE)
    assert recording.damage == ""


def ogg_checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 1 << 31 else 0)) & 0xFFFFFFFF
    return value


@pytest.mark.parametrize(("spoilt", "lost", "said"), [
    ([0], 3.0, "is damaged near 0.0 s, and words may be missing there: the rest of its 12.0 seconds"),
    ([1], 4.0, "is damaged near 3.0 s, and words may be missing there"),
    ([2], 5.0, "is damaged near 7.0 s, and words may be missing there"),
    ([0, 3], 6.0, "only its first 9.0 seconds could be read, and words may be missing near 0.0 s."),
    ([3], 3.0, "is cut off or damaged: only its first 12.0 seconds could be read"),
])  # fmt: skip
@pytest.mark.parametrize("mark", [b"vorbis", b"OggS"])
def test_a_joined_part_that_cannot_be_opened_is_said(mark: bytes, spoilt: list[int], lost: float, said: str) -> None:
    """It is said wherever it is; all others are read. So is something else between two of them, or behind the last."""
    parts = [encoded(sound(seconds, RATE), RATE, "OGG") for seconds in (3, 4, 5, 3)]
    for number in spoilt:
        parts[number] = parts[number].replace(mark, b"#" * len(mark))
    if mark == b"OggS" and 0 in spoilt:
        return  # it does not begin as an OGG
    samples, recording = read(b"".join(parts))
    assert len(samples) / RATE == pytest.approx(15.0 - lost, abs=0.1)
    assert (said if mark == b"vorbis" else "words may be missing") in recording.damage


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("start", [0.0, 2.5])
def test_floats_of_the_size_of_integers_are_scaled(subtype: str, start: float) -> None:
    """NumPy's 16-bit samples, written as floats behind a quiet beginning, are as loud as in a file of integers."""
    samples = np.concatenate((sound(2, RATE, 2) * 0.001, sound(2, RATE, 2)))
    got, _ = read(encoded(samples * 32768, RATE, "WAV", subtype), start)
    assert np.allclose(got, samples[round(start * RATE) :, 0], atol=1e-4)


def test_loud_floats_are_not_scaled() -> None:
    """Floats that are 20 dB too loud, and a click of any size, are as loud as they are."""
    samples = sound(2, RATE) * 20
    samples[RATE] = 90.0
    got, _ = read(encoded(samples, RATE, "WAV", "FLOAT"))
    assert np.allclose(got, samples[:, 0], atol=1e-3)


def test_what_is_no_number_is_silence() -> None:
    """NaN and infinity in a float file become 0; absurdly loud samples stay finite when squared."""
    samples = sound(1, RATE)
    samples[100], samples[200], samples[300] = np.nan, np.inf, 3e38
    got, _ = read(encoded(samples, RATE, "WAV", "FLOAT"))
    assert got[100] == got[200] == 0.0
    assert np.isfinite(np.square(got)).all()
    assert got[400] == samples[400, 0]


def wav(**fields: int) -> bytes:
    """A WAV of one second whose header lies."""
    data = bytearray(encoded(sound(1, RATE), RATE))
    for name, value in fields.items():
        place, form = {"channels": (22, "<H"), "rate": (24, "<I"), "data": (40, "<I")}[name]
        struct.pack_into(form, data, place, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"R", "cannot be read as audio"),
        (b"Dear diary, this is no sound at all.\n" * 100, "it is a text"),
        (wav()[:20], "cannot be read as audio"),
        (wav()[:44], "only its first 0.0 seconds"),
        (wav(channels=0), "cannot be read as audio"),
        (wav(channels=0xFFFF), "cannot be read as audio"),
        (wav(rate=0), "cannot be read as audio"),
        (wav(rate=1), "1 Hz"),
        (wav(rate=0x7FFFFFFF), "Hz"),
        (encoded(np.zeros((0, 1)), RATE), "holds no audio"),
        (b"\x1a\x45\xdf\xa3" + bytes(500), "cannot be read as audio"),
        (random.Random(0).randbytes(50_000), "cannot be read as audio"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_what_is_no_audio_is_one_sentence(data: bytes, words: str, tmp_path: Path) -> None:
    """Empty, cut, lying or foreign files are input_unreadable, by path and inline alike, named where they have one."""
    path = tmp_path / "voice.wav"
    path.write_bytes(data)
    for source in (path, data):
        with hushd_error("input_unreadable", has=words) as caught:
            read(source)
        assert "0x" not in caught.value.message
        assert caught.value.message.startswith(str(path) if source is path else "The audio sent")


def test_a_missing_file(tmp_path: Path) -> None:
    """A file that has not come is told apart, so that the client sends the bytes."""
    with hushd_error("path_unreachable"):
        read(tmp_path / "gone.wav")


def test_reading_stops_when_cancelled(tmp_path: Path) -> None:
    """A cancelled job raises at the next block."""
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(sound(5, RATE), RATE))
    job, _ = make_job(path)
    with Recording(job) as recording:
        blocks = recording.blocks()
        next(blocks)
        job.cancel()
        with pytest.raises(Cancelled):
            next(blocks)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_raw_samples_split_anywhere(rate: int, channels: int) -> None:
    """Chunks may end in the middle of a sample or a frame; the audio is the same as in one chunk."""
    data = (sound(1, rate, channels) * 32767).astype("<i2").tobytes()
    rng = random.Random(rate + channels)
    pieces, place = [], 0
    while place < len(data):
        size = rng.choice([0, 1, 2, 3, 5, 777, 3200])
        pieces.append(data[place : place + size])
        place += size
    split = np.concatenate(list(raw_blocks(pieces, rate, channels)))
    whole = np.concatenate(list(raw_blocks([data], rate, channels)))
    assert abs(len(split) - RATE) <= 2
    assert len(split) == len(whole)
    assert np.abs(split - whole).max() < 1e-4
    assert np.abs(split).max() == pytest.approx(0.6, abs=0.1)


def test_raw_samples_of_a_broken_end() -> None:
    """Half a sample at the end of the stream is dropped."""
    (block, tail) = raw_blocks([b"\x00\x01\x00"], RATE, 1)
    assert block.tolist() == [1 / 128]
    assert len(tail) == 0


@pytest.mark.parametrize("start", [0.0, 0.1234, 0.7, 5.0])
def test_raw_samples_from_the_middle(start: float) -> None:
    """Audio before the start is dropped, wherever the chunks end."""
    data = (sound(1, 8000, 2) * 32767).astype("<i2").tobytes()
    rest = data[4 * round(start * 8000) :]
    split = np.concatenate(list(raw_blocks(chunked(data, 777), 8000, 2, start)))
    assert np.abs(split - np.concatenate(list(raw_blocks(chunked(rest, 1000), 8000, 2)))).max(initial=0) < 1e-4
