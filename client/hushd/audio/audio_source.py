"""The source of audio, however it is given: a path, a file's bytes, a binary file, pieces, an array of samples.

Arrays are numpy's, and others that convert to them without a copy. Without arrays numpy is not imported.
"""

from __future__ import annotations

import operator
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD
from hushd_schema.sound_file import wav_header

from hushd.transport.source import File, Inline, Input, Stream, blocks

_BYTES = ("B", "b", "c")  # formats of buffers


class Array(Protocol):
    """An object that numpy reads as an array, such as its own arrays and a tensor in main memory."""

    def __array__(self) -> Any: ...


Audio = str | os.PathLike[str] | bytes | bytearray | memoryview | Iterable[bytes] | Array


def of_audio(audio: Audio, rate: int | None = None) -> Input:
    """Returns the source of a path, a file's bytes, a binary file, an iterable of bytes or an array of samples. Raises
    `input_unreadable` when it is empty or unreadable, `bad_request` for an array that is not audio.
    `rate`: of an array, in Hz."""
    if isinstance(audio, str | os.PathLike):
        return Stream(blocks(os.fspath(audio))) if _is_pipe(audio) else File(audio)
    if is_array(audio):
        return Samples(audio, rate)
    if isinstance(audio, bytes | bytearray | memoryview):
        if not audio:
            raise HushdError("input_unreadable", "The audio is empty.")
        return Inline(bytes(audio))
    return Stream(_pieces(audio))


def is_array(audio: object) -> bool:
    """Returns whether `audio` is numbers in memory and not bytes: an array of numpy or `array`, a tensor, a view."""
    if isinstance(audio, str | bytes):  # numpy's scalars of these, too
        return False
    if hasattr(audio, "__array__"):
        return True
    try:
        return memoryview(audio).format not in _BYTES  # type: ignore[arg-type]
    except TypeError:
        return False


def _is_pipe(path: str | os.PathLike[str]) -> bool:
    """Returns whether `path` names a pipe, as a shell's `<(command)` does."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False  # `File` says what is wrong with it


def _pieces(audio: Any) -> Iterable[bytes]:
    """Yields a binary file in blocks, not in lines, whose ends mean nothing in audio."""
    read = getattr(audio, "read", None)
    return iter(lambda: read(MAX_PAYLOAD), b"") if read else audio


_FORMATS = {"int16": "<i2", "float32": "<f4", "float64": "<f4"}  # types in which samples are sent
_HIGHEST_RATE = 768_000  # Hz
_MAX_CHANNELS = 64
_MAX_SAMPLE = 100.0  # float sample: above, somebody forgot to divide, and the worker would clip


class Samples(Input):
    """The source of an array. It is sent as a WAV file, so that its transcript is exactly that of the file. Raises
    `bad_request` for an array that holds no audio, or a rate that is missing or no whole number.

    Args:
        audio: float32, float64 or int16, of shape (frames,) or (frames, channels) as soundfile reads it.
        rate: Hz.
    """

    in_memory = True
    whole = True

    def __init__(self, audio: Any, rate: int | None) -> None:
        samples = _as_array(audio)
        self._rate = _whole(rate)
        if samples.dtype.name not in _FORMATS:
            raise _refused(f"of type {samples.dtype}: samples are float32, float64 or int16")
        if samples.ndim not in (1, 2):
            raise _refused(f"of {samples.ndim} dimensions: its shape is (frames,) or (frames, channels)")
        if not samples.size:
            raise HushdError("input_unreadable", "The audio is empty: there is no sample in the array.")
        self._channels = 1 if samples.ndim == 1 else samples.shape[1]
        if self._channels > min(_MAX_CHANNELS, len(samples)):
            raise _refused(f"of shape {samples.shape}, which is {self._channels} channels: transpose it with .T")
        if samples.dtype.kind == "f":
            _check_peak(max(abs(float(samples.min())), abs(float(samples.max()))))  # both pass a NaN on
        self._samples = samples
        self._coding = _FORMATS[samples.dtype.name]
        self._width = int(self._coding[2])  # bytes

    def pieces(self) -> Iterator[bytes]:
        """A WAV file's bytes, converted as they are sent, so that no second copy of a long recording is made."""
        size, floating = self._samples.size * self._width, self._coding[1] == "f"
        yield wav_header(self._rate, size, self._channels, self._width, floating)
        frames = max(1, MAX_PAYLOAD // (self._channels * self._width))
        for start in range(0, len(self._samples), frames):
            yield self._samples[start : start + frames].astype(self._coding).tobytes()


def floats(data: bytes, channels: int) -> Any:
    """Returns s16le samples as a float32 array in -1..1: (frames,), or (frames, channels) where there are more than 1.
    Raises `bad_request` when numpy is not installed."""
    numpy = _numpy()
    samples = numpy.frombuffer(data, "<i2").astype(numpy.float32) / numpy.float32(32768)
    return samples.reshape(-1, channels) if channels > 1 else samples


def _numpy() -> Any:
    try:
        import numpy
    except ImportError as error:
        raise HushdError("bad_request", "An array of samples needs numpy: pip install numpy.") from error
    return numpy


def _as_array(audio: Any) -> Any:
    numpy = _numpy()
    try:
        return numpy.asarray(audio)
    except Exception as error:  # such as that of a tensor on a GPU: its text says what to do
        raise HushdError("bad_request", f"The array cannot be read: {error}") from error


def _whole(rate: Any) -> int:
    if rate is None:
        raise HushdError("bad_request", "An array of samples does not say its rate: pass rate=, such as rate=16000.")
    try:
        hertz = operator.index(rate)
    except TypeError:
        hertz = 0
    if hertz <= 0 or hertz > _HIGHEST_RATE:
        raise HushdError("bad_request", f"rate is a whole number of Hz up to {_HIGHEST_RATE}, not {rate!r}.")
    return hertz


def _check_peak(peak: float) -> None:
    if not peak <= _MAX_SAMPLE:  # a NaN neither
        if peak - peak != 0:
            raise _refused("of samples some of which are NaN or infinite: replace them, with numpy.nan_to_num say")
        raise _refused(
            f"of samples up to {peak:.0f}, and those of a float array lie between -1 and 1: "
            "divide 16 bit samples by 32768"
        )


def _refused(what: str) -> HushdError:
    return HushdError("bad_request", f"The audio is an array {what}.")
