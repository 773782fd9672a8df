"""Samples to bytes and files."""

from __future__ import annotations

import io
import re
import struct
import sys
import wave
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from hushd_models.installation import extra_command
from hushd_schema.operations.synthesize import FORMATS
from hushd_schema.sound_file import wav_header
from hushd_worker_tts.audio_out import shorten, to_s16le
from hushd_worker_tts.engine import AudioChunk
from hushd_worker_tts.worker import Worker
from support import films
from support.refusals import hushd_error
from support.tts_jobs import Say

TEXT = " ".join(f"Sentence number {n} is about as long as this." for n in range(16))
KINDS = {"wav": b"RIFF", "flac": b"fLaC", "ogg": b"OggS", "aiff": b"FORM"}
LOSSY = ("ogg", "opus", "mp3", "m4a", "aac")
PADDED = {"mp3": 0.1, "opus": 0.1, "m4a": 0.15, "aac": 0.15}  # seconds that the codec adds
MPEG = {"m4a": "aac", "aac": "aac"}


def test_samples_are_clipped_never_wrapped() -> None:
    """Samples beyond -1..1 stay at the bound of 16 bit; NaN is silence."""
    samples = np.array([0, 1, -1, 0.5, 1.5, -7, np.inf, -np.inf, np.nan], np.float32)
    assert to_s16le(samples).tolist() == [0, 32767, -32767, 16384, 32767, -32768, 32767, -32767, 0]
    assert to_s16le(samples).dtype == np.dtype("<i2")


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "mp3", "aiff"])
def test_a_file_of_each_format_decodes_to_what_was_said(tiny: Worker, say: Say, format: str) -> None:
    """Chunks written at their offsets make a real file of that type, of the length and sound of the raw audio."""
    raw = np.frombuffer(say(tiny, TEXT).raw, "<i2")
    spoken = say(tiny, TEXT, format=format)
    if format in KINDS:
        assert spoken.file.startswith(KINDS[format])
    file = soundfile.SoundFile(io.BytesIO(spoken.file))
    assert (file.format, file.samplerate, file.channels) == (format.upper(), 8000, 1)
    heard = file.read(dtype="int16")
    assert abs(len(heard) / 8000 - spoken.result["duration"]) < (0.1 if format == "mp3" else 0.001)
    if format in ("wav", "flac", "aiff"):
        assert np.array_equal(heard, raw)
    else:
        assert abs(np.std(heard.astype(float)) / np.std(raw.astype(float)) - 1) < 0.05


def test_a_wav_starts_with_a_header_for_pipes_and_ends_with_the_true_one(tiny: Worker, say: Say) -> None:
    """Sizes are unknown at first; the last chunk, for offset 0, corrects them. Without it a pipe still plays."""
    spoken = say(tiny, TEXT, format="wav")
    first, *_, last = spoken.chunks
    assert first.offset == 0
    assert first.payload[:44] == wav_header(8000, None)
    assert struct.unpack("<I", first.payload[40:44]) == (0xFFFFFFFF,)
    size = len(spoken.file) - 44
    assert (last.offset, last.payload) == (0, wav_header(8000, size))
    with wave.open(io.BytesIO(spoken.file)) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels(), file.getsampwidth()) == (
            size // 2, 8000, 1, 2,
        )  # fmt: skip
    in_order = b"".join(chunk.payload for chunk in spoken.chunks[:-1])
    assert in_order[44:] == spoken.file[44:]
    assert len(soundfile.read(io.BytesIO(in_order), dtype="int16")[0]) == size // 2


@pytest.mark.parametrize("format", MPEG)
def test_formats_of_mpeg_decode_to_what_was_said(tiny: Worker, say: Say, format: str) -> None:
    """A file of that codec, in order without going back, of the length and sound of the raw audio."""
    raw = np.frombuffer(say(tiny, TEXT).raw, "<i2")
    spoken = say(tiny, TEXT, format=format)
    in_order = b"".join(chunk.payload for chunk in spoken.chunks)
    assert in_order == spoken.file
    assert (in_order[4:11] == b"ftypM4A") is (format != "aac")
    heard = films.decoded(in_order)
    assert heard.codec == MPEG[format]
    assert abs(len(heard.samples) - len(raw)) < 3 * 1024
    assert abs(np.std(heard.samples.astype(float)) / np.std(raw.astype(float)) - 1) < 0.05


@pytest.mark.parametrize(("library", "formats", "needed", "other"), [
    ("av", MPEG, "needs PyAV: .*\\[stt\\]", "aiff"), ("soundfile", ("mp3",), re.escape(extra_command("tts")), "wav"),
])  # fmt: skip
def test_without_a_library_its_formats_name_what_to_install(
    tiny: Worker, say: Say, monkeypatch: pytest.MonkeyPatch, library: str, formats: Any, needed: str, other: str
) -> None:
    """One sentence; other formats need none of it."""
    monkeypatch.setitem(sys.modules, library, None)
    for format in formats:
        with hushd_error("engine_missing", needed):
            say(tiny, "One.", format=format)
    assert say(tiny, "One.", format=other).file


def test_silence_is_shortened_only_where_that_is_asked_for() -> None:
    """The seconds asked for stay at either side; shorter silence, or silence alone, stays as it is."""
    rate = 1000
    samples = np.concatenate([np.zeros(500), np.ones(100), np.zeros(700)]).astype(np.float32)

    def length(start: float | None, end: float | None) -> int:
        return len(shorten(AudioChunk(samples, rate), start=start, end=end).samples)

    assert length(None, None) == 1300
    assert abs(length(0.12, None) - (120 + 100 + 700)) <= 1
    assert abs(length(None, 0.12) - (500 + 100 + 120)) <= 1
    assert abs(length(0.06, 0.12) - (60 + 100 + 120)) <= 1
    assert length(0.6, 0.8) == 1300
    silence = AudioChunk(np.zeros(50, np.float32), rate)
    assert shorten(silence, start=0.01, end=0.01) is silence
    nothing = AudioChunk(np.zeros(0, np.float32), rate)
    assert shorten(nothing, start=0.01, end=0.01) is nothing


@pytest.mark.parametrize("format", [format for format in FORMATS if format != "s16le"])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_a_file_has_the_rate_and_channels_asked_for(tiny: Worker, say: Say, format: str, rate: int) -> None:
    """Every format: resampled, both channels alike, of the length of the speech, and sent while it is made."""
    spoken = say(tiny, TEXT, format=format, sample_rate=rate, channels=2)
    assert len(spoken.chunks) > 3
    assert spoken.result["rate"] == rate
    if format == "pcm":
        assert (spoken.chunks[0].rate, spoken.chunks[0].channels, spoken.chunks[0].offset) == (rate, 2, 0)
        samples, decoded = np.frombuffer(spoken.file, "<i2").reshape(-1, 2).astype(np.float32) / 32768, rate
    else:
        content = spoken.file
        if format in MPEG:  # in a WAV, which keeps rate and channels
            sound = films.decoded(content)
            soundfile.write(wav := io.BytesIO(), sound.samples, sound.rate, format="WAV")
            content = wav.getvalue()
        file = soundfile.SoundFile(io.BytesIO(content))
        assert file.channels == 2
        decoded = file.samplerate
        assert decoded == rate or format == "opus"
        samples = file.read(dtype="float32")
    plain = say(tiny, TEXT).result["duration"]
    assert spoken.result["duration"] == pytest.approx(plain, abs=0.001)
    assert len(samples) / decoded == pytest.approx(plain, abs=PADDED.get(format, 0.001))
    if format not in LOSSY:
        assert np.array_equal(samples[:, 0], samples[:, 1])


def test_resampled_audio_is_what_one_resampling_of_the_whole_gives(tiny: Worker, say: Say) -> None:
    """Pieces meet without a click: the stream is within two steps of 16 bit of the whole, sample for sample."""
    whole = np.frombuffer(say(tiny, TEXT).raw, "<i2").astype(np.float32) / 32767
    expected = soxr.resample(whole, 8000, 22050)
    heard = np.frombuffer(say(tiny, TEXT, sample_rate=22050).raw, "<i2").astype(np.float32) / 32767
    assert len(heard) == len(expected)
    assert np.abs(heard - expected).max() < 2.5 / 32767


def test_opus_takes_the_next_rate_it_knows(tiny: Worker, say: Say, monkeypatch: Any) -> None:
    """A voice of 22.05 kHz becomes Ogg Opus of 24 kHz by itself."""
    make = tiny.engine.synthesize
    at_22050 = lambda *given: (AudioChunk(chunk.samples, 22050) for chunk in make(*given))  # noqa: E731
    monkeypatch.setattr(tiny.engine, "synthesize", at_22050, raising=False)
    spoken = say(tiny, TEXT, format="opus")
    assert spoken.result["rate"] == 24000
    assert soundfile.info(io.BytesIO(spoken.file)).duration == pytest.approx(spoken.result["duration"], abs=0.01)


@pytest.mark.parametrize("volume", [0, 0.25, 1, 2])
def test_volume_is_a_factor(tiny: Worker, say: Say, volume: float) -> None:
    """Exactly, up to -3 dBFS; beyond, peaks are bent to stay below -1 dBFS."""
    plain = np.frombuffer(say(tiny, "One.").raw, "<i2").astype(np.float64)
    heard = np.frombuffer(say(tiny, "One.", volume=volume).raw, "<i2")
    free = np.abs(plain * volume) < 0.7 * 32767 - 1
    assert np.abs(heard - plain * volume)[free].max() <= max(1, volume)
    assert np.abs(heard).max() <= 0.8913 * 32767


@pytest.mark.parametrize("text", [
    "[[slnc 250]]One. [[slnc 500; volm 0.5]]Two.",
    '<speak><break time="250ms"/><s>One.</s><break time=".5s"/><prosody volume="50%">Two.</prosody></speak>',
])  # fmt: skip
def test_commands_change_volume_and_make_silence(tiny: Worker, say: Say, text: str) -> None:
    """A pause is exactly as long as it says, also before the first word; a volume holds from where it stands."""
    plain = say(tiny, "One. Two.").result["duration"]
    spoken = say(tiny, text)
    assert spoken.result["duration"] == pytest.approx(plain + 0.75, abs=0.001)
    samples = np.frombuffer(spoken.raw, "<i2").astype(np.float32)
    assert not samples[:2000].any()
    half = len(samples) // 2
    assert np.abs(samples[half:]).max() == pytest.approx(np.abs(samples[:half]).max() / 2, rel=0.01)


def test_sound_of_several_rates_makes_one_stream(tiny: Worker, say: Say, monkeypatch: Any) -> None:
    """A sentence at another rate than the first is resampled to the first's."""
    engine: Any = tiny.engine
    synthesize, plain = engine.synthesize, say(tiny, "One. Two. One.").result

    def mixed(text: str, *others: Any) -> Iterator[AudioChunk]:
        twice = 1 + (text == "Two.")
        return (AudioChunk(np.repeat(c.samples, twice), 8000 * twice) for c in synthesize(text, *others))

    monkeypatch.setattr(engine, "synthesize", mixed, raising=False)
    spoken = say(tiny, "One. Two. One.").result
    assert spoken["rate"] == 8000
    assert spoken["duration"] == pytest.approx(plain["duration"], abs=0.001)
