"""Files that FFmpeg does not know by their content: telephones' sound without a header, and healthy files of other
kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hushd_worker_stt.audio.recording import Recording
from support.films import film
from support.refusals import hushd_error
from support.stt_jobs import make_job

RATE = 8_000
TONE = (0.5 * np.sin(np.arange(2 * RATE) * 2 * np.pi * 440 / RATE)).astype(np.float32)
JUNK = np.random.default_rng(1).integers(0, 256, 6_000).astype("u1").tobytes()


def read(path: Path) -> np.ndarray:
    job, _ = make_job(path)
    with Recording(job) as recording:
        samples = np.concatenate([np.zeros(0, np.float32), *recording.blocks()])
        assert not recording.damage
    return samples


def coded(folder: Path, subtype: str, rate: int) -> bytes:
    """The samples of a Wave file, without its header."""
    soundfile.write(folder / "t.wav", np.repeat(TONE, rate // RATE), rate, subtype=subtype)
    data = (folder / "t.wav").read_bytes()
    return data[data.index(b"data") + 8 :]


@pytest.mark.parametrize(("ending", "subtype", "rate"), [
    ("ulaw", "ULAW", 8_000), ("UL", "ULAW", 8_000), ("pcmu", "ULAW", 8_000), ("alaw", "ALAW", 8_000),
    ("al", "ALAW", 8_000), ("pcma", "ALAW", 8_000), ("sln", "PCM_16", 8_000), ("sln16", "PCM_16", 16_000),
    ("sln32", "PCM_16", 32_000), ("sln48", "PCM_16", 48_000),
])  # fmt: skip
def test_sound_without_a_header_is_known_by_its_ending(tmp_path: Path, ending: str, subtype: str, rate: int) -> None:
    """The sound may begin with silence, which in u-law looks like an MP3; a header says more than an ending."""
    data = coded(tmp_path, subtype, rate)
    silence = (b"\xff" if subtype == "ULAW" else b"\xd5" if subtype == "ALAW" else b"\0\0") * rate
    path = tmp_path / f"call.{ending}"
    path.write_bytes(silence + data)
    samples = read(path)
    assert len(samples) == pytest.approx(3 * 16_000, abs=40)
    assert np.abs(samples[:14_000]).max() < 0.01
    assert np.abs(samples[20_000:]).max() == pytest.approx(0.5, abs=0.1)
    path.write_bytes((tmp_path / "t.wav").read_bytes())
    assert len(read(path)) == pytest.approx(2 * 16_000, abs=40)


@pytest.mark.parametrize(("name", "data", "what"), [
    ("a.ds2", b"\x03ds2" + JUNK, "a dictation in DSS or DS2, which its maker's program saves as WAV"),
    ("a.ds2", b"\x03enc" + JUNK, "an encrypted dictation"),
    ("a.dvf", b"MS_VOICE" + JUNK, "a dictation of Sony's"),
    ("a.aud", b"\x02#!SILK_V3" + JUNK, "speech in SILK, of WeChat or QQ, which silk-v3-decoder converts"),
    ("a.slk", b"#!SILK_V3" + JUNK, "speech in SILK"),
    ("a.aax", b"\0\0\0\x18ftypaax " + JUNK, "protected"),
    ("a.dcf", b"\x01\x0a\x20audio/mpegcid:x" + JUNK, "protected"),
    ("a.mid", b"MThd\0\0\0\6" + JUNK, "notes and no sound"),
    ("a.m3u", b"#EXTM3U\nhttp://x/a.mp3\n", "a playlist"),
    ("a.xspf", b'<?xml version="1.0"?>\n<playlist version="1">', "a playlist"),
    ("a.cue", b'FILE "a.flac" WAVE\n  TRACK 01 AUDIO\n', "a playlist"),
    ("a.mp3", b"<!DOCTYPE html><title>404</title>", "a web page: download the recording itself"),
    ("a.wav", b"PK\x03\x04" + JUNK, "an archive: unpack it first"),
    ("a.m4a", b"\x89PNG\r\n\x1a\n" + JUNK, "a picture"),
    ("a.pcap", b"\xd4\xc3\xb2\xa1" + JUNK, "a capture of packets"),
    ("a.mp3", bytes(9_000), "zeros, as a file that was not copied to its end: copy it again"),
    ("a.ts", bytes(20), "zeros, as a file that was not copied to its end: copy it again"),
    ("a.wav", b"RIFX" + JUNK, "a WAV with its numbers the other way round (RIFX): `sox a.wav -L b.wav` turns them"),
    ("a.rm", b".RMF\0\0\0\x12" + JUNK, "an unknown kind of RealAudio: RealPlayer's converter"),
    ("a.vox", JUNK, "in Dialogic's ADPCM, without a header: `sox -r 8000"),
    ("a.raw", JUNK, "samples without a header"),
    ("a", ("Grüße. " * 900).encode(), "a text"),
    ("a.bin", JUNK, "damaged, or a playlist, a picture"),
])  # fmt: skip
def test_a_healthy_file_of_another_kind_is_named(tmp_path: Path, name: str, data: bytes, what: str) -> None:
    """One sentence has what converts it, or what else to do."""
    (tmp_path / name).write_bytes(data)
    with hushd_error("input_unreadable", has=what):
        read(tmp_path / name)


@pytest.mark.parametrize("codec", [b"drms", b"enca", b"aavd"])
def test_protected_sound_is_not_taken_for_speech(tmp_path: Path, codec: bytes) -> None:
    """A decoder makes noise of its packets, without an error."""
    data = film(tmp_path / "a.m4a", np.repeat(TONE, 2)).read_bytes()
    at = data.rindex(b"mp4a")
    (tmp_path / "b.m4b").write_bytes(data[:at] + codec + data[at + 4 :])
    with hushd_error("input_unreadable", has="it is protected, and only its shop's own programs play it"):
        read(tmp_path / "b.m4b")
