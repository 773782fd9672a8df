"""Samples to bytes and files."""

from __future__ import annotations

import io
import struct
import sys
import wave
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD
from hushd_worker_tts.audio_out import shorten, to_s16le, wav_header
from hushd_worker_tts.engine import AudioChunk
from hushd_worker_tts.worker import Worker

TEXT = " ".join(f"Sentence number {n} is about as long as this." for n in range(40))
KINDS = {"wav": b"RIFF", "flac": b"fLaC", "ogg": b"OggS", "aiff": b"FORM"}


def test_samples_are_clipped_never_wrapped() -> None:
    """What is beyond -1..1 stays at the bound of 16 bit; what is no number is silent."""
    samples = np.array([0, 1, -1, 0.5, 1.5, -7, np.inf, -np.inf, np.nan], np.float32)
    assert to_s16le(samples).tolist() == [0, 32767, -32767, 16384, 32767, -32768, 32767, -32767, 0]
    assert to_s16le(samples).dtype == np.dtype("<i2")


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "mp3", "aiff"])
def test_a_file_of_each_format_decodes_to_what_was_said(tiny: Worker, say: Callable[..., Any], format: str) -> None:
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


@pytest.mark.parametrize("format", ["flac", "ogg", "mp3", "aiff"])
def test_a_file_is_sent_while_it_is_made(tiny: Worker, say: Callable[..., Any], format: str) -> None:
    """Chunks leave as sentences are done, in order; only corrections of a header go back."""
    spoken = say(tiny, TEXT, format=format)
    assert len(spoken.chunks) > 3
    reached = 0
    for chunk in spoken.chunks:
        assert chunk.offset <= reached, "a hole that may never be filled"
        reached = max(reached, chunk.offset + len(chunk.payload))
    assert [chunk.seq for chunk in spoken.chunks] == list(range(len(spoken.chunks)))


def test_a_wav_starts_with_a_header_for_pipes_and_ends_with_the_true_one(tiny: Worker, say: Callable[..., Any]) -> None:
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
            size // 2,
            8000,
            1,
            2,
        )
    in_order = b"".join(chunk.payload for chunk in spoken.chunks[:-1])
    assert in_order[44:] == spoken.file[44:]
    assert len(soundfile.read(io.BytesIO(in_order), dtype="int16")[0]) == size // 2


def test_a_wav_of_more_than_4_gib_keeps_its_sizes_unknown() -> None:
    """The field cannot hold it, and a wrong small number would cut it off."""
    assert wav_header(24000, 1 << 32) == wav_header(24000, None)
    assert wav_header(24000, 2) != wav_header(24000, None)


def test_raw_audio_says_its_rate_once_and_has_no_offsets(tiny: Worker, say: Callable[..., Any]) -> None:
    """The first chunk of a job carries rate and channels."""
    chunks = say(tiny, "One. Two. Three.").chunks
    assert [(chunk.rate, chunk.channels, chunk.offset) for chunk in chunks] == [(8000, 1, None)] + [(0, 0, None)] * 2


def test_no_chunk_is_larger_than_a_message_may_be(tiny: Worker, say: Callable[..., Any]) -> None:
    """A long sentence goes as several chunks."""
    for format in ("s16le", "wav", "aiff"):
        chunks = say(tiny, "word " * 2000, format=format).chunks
        assert max(len(chunk.payload) for chunk in chunks) <= MAX_PAYLOAD
        assert sum(len(chunk.payload) for chunk in chunks) > 4 * MAX_PAYLOAD - 44


def test_silence_is_shortened_only_where_a_sentence_was_cut() -> None:
    """The margin that stays is that of a comma; silence alone stays as it is."""
    rate = 1000
    samples = np.concatenate([np.zeros(500), np.ones(100), np.zeros(700)]).astype(np.float32)

    def length(start: bool, end: bool) -> int:
        return len(shorten(AudioChunk(samples, rate), start=start, end=end).samples)

    assert length(False, False) == 1300
    assert abs(length(True, False) - (120 + 100 + 700)) <= 1
    assert abs(length(False, True) - (500 + 100 + 120)) <= 1
    assert abs(length(True, True) - (120 + 100 + 120)) <= 1
    silence = AudioChunk(np.zeros(50, np.float32), rate)
    assert shorten(silence, start=True, end=True) is silence
    nothing = AudioChunk(np.zeros(0, np.float32), rate)
    assert shorten(nothing, start=True, end=True) is nothing


def test_without_soundfile_a_format_that_needs_it_names_what_to_install(
    tiny: Worker, say: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`engine_missing`; wav and raw audio go on working."""
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(HushdError, match="pip install 'hushd\\[tts\\]'") as caught:
        say(tiny, "Hello.", format="mp3")
    assert caught.value.code == "engine_missing"
    assert say(tiny, "Hello.", format="wav").file
