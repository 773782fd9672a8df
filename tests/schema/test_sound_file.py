"""The header of a WAV file, as other programs read it."""

from __future__ import annotations

import io
import struct
import wave

import pytest
from hushd_protocol.errors import HushdError
from hushd_schema.sound_file import UNKNOWN_SIZE, WAV_HEADER, sound_format, wav_header


@pytest.mark.parametrize(("rate", "channels", "width"), [(24_000, 1, 2), (44_100, 2, 2), (48_000, 6, 3), (8_000, 1, 4)])
def test_python_reads_what_was_written(rate: int, channels: int, width: int) -> None:
    samples = bytes(channels * width * 5)
    with wave.open(io.BytesIO(wav_header(rate, len(samples), channels, width) + samples)) as file:
        assert file.getparams()[:4] == (channels, width, rate, 5)
        assert file.readframes(9) == samples


@pytest.mark.parametrize(("floating", "form"), [(False, 1), (True, 3)])
def test_a_player_that_seeks_finds_its_place(floating: bool, form: int) -> None:
    """It trusts the bytes a second and a frame, which Python does not look at."""
    fields = struct.unpack("<HHIIHH", wav_header(44_100, 352_800, 2, 4, floating)[20:36])
    assert fields == (form, 2, 44_100, 352_800, 8, 32)


@pytest.mark.parametrize(("size", "said"), [
    (100, (136, 100)),
    (UNKNOWN_SIZE - 36, (UNKNOWN_SIZE, UNKNOWN_SIZE - 36)),
    (UNKNOWN_SIZE - 35, (UNKNOWN_SIZE,) * 2), (None, (UNKNOWN_SIZE,) * 2),
])  # fmt: skip
def test_sound_too_long_for_the_header_has_an_unknown_size(size: int | None, said: tuple[int, int]) -> None:
    """Readers then go on to the end of the file, instead of stopping after the rest of 4 GiB."""
    header = wav_header(16_000, size)
    assert len(header) == WAV_HEADER
    assert (struct.unpack("<I", header[4:8])[0], struct.unpack("<I", header[40:])[0]) == said


def test_an_extension_names_the_format() -> None:
    """The last one, in any case and spelling; a name without is refused, and so is a format that nobody writes."""
    found = [sound_format(path) for path in ("a.wav", "b/C.MP3.FLAC", "a.oga", "a.aif", "a.RAW", "a.opus")]
    assert found == ["wav", "flac", "ogg", "aiff", "pcm", "opus"]
    for path in ("wav", ".wav", "a.", "a.txt"):
        with pytest.raises(HushdError, match="names no format"):
            sound_format(path)
