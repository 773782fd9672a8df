"""Speech that has been received: saved, had as an array and played, more than once and in any order."""

from __future__ import annotations

import itertools
import os
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hushd.synthesis.speech import Speech
from hushd.transport.steps import Steps
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Message, Request, Result
from support.refusals import hushd_error

RATE = 24_000
TONE = (np.sin(np.arange(RATE) / 9) * 9000).astype("<i2")


class Call:
    """The answers to a request: chunks, then the result, or an error in its place."""

    def __init__(self, *chunks: Chunk, error: HushdError | None = None, **more: str) -> None:
        self._messages: list[Message] = [*chunks]
        if error is None:
            self._messages.append(Result(id=b"", data={"duration": 1.0, "voice": "anna", "rate": RATE, **more}))
        self._error = error
        self.request = Request(id=b"", worker="tts", op="synthesize", params={"voice": "anna"})

    def receive(self) -> Steps[Message | None]:
        yield from ()
        if not self._messages and self._error:
            raise self._error
        return self._messages.pop(0) if self._messages else None

    def close(self) -> None:
        self._messages.clear()


def spoken(channels: int = 1, pieces: int = 10, **options: Any) -> Speech:
    """A second of a tone, s16le, in pieces."""
    data = np.repeat(TONE, channels).tobytes()
    size = len(data) // pieces
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    chunks = [Chunk(id=b"", seq=n, payload=part, rate=RATE, channels=channels) for n, part in enumerate(parts)]
    return Speech(Call(*chunks), **options)  # type: ignore[arg-type]


def read(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth()) == (RATE, 2)
        return file.readframes(file.getnframes())


USES: dict[str, Callable[[Speech, Path], object]] = {
    "iterated": lambda made, _: list(made),
    "begun": lambda made, _: next(made, b""),
    "saved": lambda made, folder: made.save(folder / "first.wav"),
    "an array": lambda made, _: made.array(),
    "looked at": lambda made, _: made.rate,
}


@pytest.mark.parametrize("uses", [*itertools.permutations(USES, 2)])
def test_all_of_it_is_there_whatever_was_done_before(uses: tuple[str, str], tmp_path: Path) -> None:
    """Saved or had as an array it begins at its beginning."""
    made = spoken()
    for use in uses:
        USES[use](made, tmp_path)
    made.save(tmp_path / "a.wav")
    made.save(tmp_path / "b.wav")
    assert read(tmp_path / "a.wav") == read(tmp_path / "b.wav") == TONE.tobytes()
    assert np.array_equal(made.array() * 32768, TONE)
    assert (made.duration, made.voice) == (1.0, "anna")


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "opus", "mp3", "aiff", "pcm", "raw"])
def test_it_is_saved_in_the_format_of_the_name(extension: str, channels: int, tmp_path: Path) -> None:
    """Speech that was asked for without a format becomes any kind of file, twice the same."""
    made, paths = spoken(channels), [tmp_path / f"{name}.{extension}" for name in ("a", "b")]
    for path in paths:
        made.save(path)
    if extension in ("pcm", "raw"):
        assert paths[1].read_bytes() == np.repeat(TONE, channels).tobytes()
        return
    for path in paths:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        assert (rate, samples.shape[1]) == (24_000, channels)
        assert len(samples) == pytest.approx(RATE, abs=RATE / 10)
        level = float(np.sqrt(np.mean(np.square(samples[4800:19200]))))
        assert level == pytest.approx(9000 / 32768 / 2**0.5, rel=0.12)  # LAME takes 0.9 dB from equal channels
        assert soundfile.info(path).format == {"opus": "OGG", "aiff": "AIFF"}.get(extension, extension.upper())


def test_what_cannot_be_encoded_here(tmp_path: Path) -> None:
    """Opus knows no 22050 Hz, and libsndfile no M4A: the sentence names the way that does it, and no file is left."""
    chunk = Chunk(id=b"", seq=0, payload=TONE.tobytes(), rate=22_050, channels=1)
    made = Speech(Call(chunk))  # type: ignore[arg-type]
    with pytest.raises(HushdError, match=r"opus file cannot have 22050 .* synthesize\(\.\.\., format='opus'\)"):
        made.save(tmp_path / "a.opus")
    with pytest.raises(HushdError, match=r"Raw speech is not saved as m4a: ask for it with .*format='m4a'"):
        made.save(tmp_path / "a.m4a")
    assert os.listdir(tmp_path) == []
    made.save(tmp_path / "a.flac")


@pytest.mark.parametrize("times", [1, 2])
def test_a_failure_is_never_an_empty_file(times: int, tmp_path: Path) -> None:
    """An error in the middle is raised by each save, and nothing is written."""
    error = HushdError("worker_crashed", "The worker died.")
    made = Speech(Call(Chunk(id=b"", seq=0, payload=b"ab", rate=8000), error=error))  # type: ignore[arg-type]
    for _ in range(times):
        with pytest.raises(HushdError, match="died"):
            made.save(tmp_path / "a.wav")
    with pytest.raises(HushdError, match="died"):
        made.array()
    assert os.listdir(tmp_path) == []


def test_what_is_not_kept_can_be_used_once(tmp_path: Path) -> None:
    """Nothing stays of hours that are only played; a second use is refused in one sentence."""
    made = spoken(keep=False)
    made.save(tmp_path / "a.wav")
    assert read(tmp_path / "a.wav") == TONE.tobytes()
    with hushd_error("bad_request", "without keep=False"):
        made.save(tmp_path / "b.wav")
    assert os.listdir(tmp_path) == ["a.wav"]
