"""Arrays of samples: how they are sent, and refused in one sentence."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile
from hushd.audio import audio_source
from hushd.audio.audio_source import Samples, floats
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD

RATE = 16_000
TONE = np.sin(np.arange(50_000) / 7).astype(np.float32) / 2
QUIET = TONE / 3000  # a third of it would be lost in 16 bits


def sent(audio: Any, rate: Any = RATE) -> tuple[Any, int]:
    """Returns the samples that a worker reads of an array, frames by channels, and their rate."""
    made = audio_source.of_audio(audio, rate)
    assert made.whole
    assert made.fields() == {"input": "stream"}
    pieces = list(made.pieces())
    assert all(len(piece) <= MAX_PAYLOAD for piece in pieces)
    assert pieces == list(made.pieces())
    return soundfile.read(io.BytesIO(b"".join(pieces)), always_2d=True, dtype="float32")


@pytest.mark.parametrize("samples", [TONE, QUIET, QUIET[:1], TONE.reshape(-1, 2), TONE.reshape(-1, 1)])
@pytest.mark.parametrize("kind", ["float32", "float64", ">f8"])
def test_floats_arrive_as_they_are(samples: Any, kind: str) -> None:
    """There may be one channel or several, however quiet, in either byte order: the worker reads the very float32
    samples."""
    heard, rate = sent(samples.astype(kind))
    assert rate == RATE
    assert np.array_equal(heard, samples.reshape(len(samples), -1))


@pytest.mark.parametrize("kind", ["<i2", ">i2"])
def test_integers_arrive_as_they_are(kind: str) -> None:
    """int16 samples are those of a 16 bit file; a view with strides, too."""
    samples = (TONE * 32767).astype(kind)
    assert np.array_equal(sent(samples[::3])[0][:, 0] * 32768, samples[::3])


def rows(count: int, kind: type) -> np.ndarray:
    """Ten seconds in channels that are rows, which take no memory."""
    return np.broadcast_to(kind(0), (count, 480_000))


class Tensor:
    """An array of a library that is not numpy."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return TONE


class Unreadable:
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("It lies on a GPU: use Tensor.cpu() first.")


@pytest.mark.parametrize(("audio", "rate", "reason"), [
    (rows(2, np.float32), RATE, "of shape (2, 480000), which is 480000 channels: transpose it"),
    (rows(1, np.int16), RATE, "of shape (1, 480000), which is 480000 channels: transpose it"),
    (np.zeros((9, 9, 9), np.float32), RATE, "of 3 dimensions: its shape is (frames,) or (frames, channels)"),
    (np.float32(0.5), RATE, "of 0 dimensions"),
    (np.zeros(9, np.int32), RATE, "of type int32: samples are float32, float64 or int16"),
    (np.zeros(9, np.uint8), RATE, "of type uint8"),
    (np.zeros(9, np.complex64), RATE, "of type complex64"),
    (np.array([1, None]), RATE, "of type object"),
    (np.zeros(0, np.float32), RATE, "The audio is empty: there is no sample in the array."),
    (np.zeros((0, 2), np.int16), RATE, "The audio is empty"),
    (np.array([0.1, np.nan]), RATE, "NaN or infinite: replace them, with numpy.nan_to_num say"),
    (np.array([0.1, -np.inf]), RATE, "NaN or infinite"),
    (np.array([0.0, -20317.0]), RATE, "of samples up to 20317, and those of a float array lie between -1 and 1"),
    (TONE, None, "An array of samples does not say its rate: pass rate=, such as rate=16000."),
    (TONE, 44100.5, "rate is a whole number of Hz up to 768000, not 44100.5"),
    (TONE, 0, "not 0"), (TONE, "16000", "not '16000'"),
    (Unreadable(), RATE, "The array cannot be read: It lies on a GPU: use Tensor.cpu() first."),
])  # fmt: skip
def test_what_is_no_audio_is_refused(audio: Any, rate: Any, reason: str) -> None:
    """The refusal comes at once, and names the fault and, where that is not plain, the remedy."""
    with pytest.raises(HushdError) as caught:
        audio_source.of_audio(audio, rate)
    assert reason in caught.value.message
    assert caught.value.code == ("input_unreadable" if "empty" in reason else "bad_request")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("data", [b"ab", bytearray(b"ab"), memoryview(b"ab"), np.bytes_(b"ab")])
def test_bytes_are_no_array(data: Any) -> None:
    """They are a file's, in whatever they are."""
    assert audio_source.of_audio(data).fields() == {"input": "inline", "payload": b"ab"}


def test_speech_as_an_array() -> None:
    """s16le becomes float32 in -1..1, which sent back is the same again; of two channels frames by channels."""
    data = np.array([0, 16384, -32768, 32767], "<i2").tobytes()
    assert floats(data, 1).tolist() == [0.0, 0.5, -1.0, 32767 / 32768]
    assert floats(data, 2).shape == (2, 2)
    assert floats(data, 1).dtype == np.float32
    assert b"".join(Samples(floats(data, 1), RATE).pieces())[44:] == floats(data, 1).tobytes()
