"""Cases of recordings and other files, through the whole worker: rates, channels, formats, lengths."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hushd_protocol import JsonObject
from hushd_protocol.system.footprint import trim
from hushd_worker.usage import PrivateMemory
from hushd_worker_stt.engine import RATE

from hushd_conformance.case import Case
from hushd_conformance.trial import Answer

from .trial import Trial, s16le, wav

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

_RATES = (8_000, 11_025, 22_050, 44_100, 48_000, 96_000)
_FORMATS = {
    "float": ("WAV", "FLOAT"),
    "24-bit": ("WAV", "PCM_24"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
}
_NONE = {
    "empty": ("An empty file", b""),
    "text": ("A text", b"This is no recording.\n" * 100),
    "header-alone": ("A header without sound", None),
    "noise-bytes": ("A file of noise", bytes(range(256)) * 100),
}
_GROWTH = 96_000_000  # bytes by which the process may grow during hours of silence
_HOURS = 10
_SLOW = 1_000  # Hz, so that hours of silence are few bytes


def cases() -> Iterator[Case[Trial]]:
    """Yields the cases of recordings."""
    for rate in _RATES:
        yield Case(f"rate.{rate}", f"Raw audio of {rate} Hz is heard.", partial(_rate, rate))
    for channels in (2, 6):
        yield Case(f"channels.{channels}", f"Audio of {channels} channels is heard.", partial(_channels, channels))
    for name in _FORMATS:
        yield Case(f"file.{name}", f"A {name} file is heard like a WAV file.", partial(_format, name))
    for name, value in (("nan", float("nan")), ("infinite", float("inf"))):
        yield Case(f"file.{name}", f"A file with {name} samples is heard, or refused.", partial(_odd, value))
    yield Case("file.by-path", "A file given by its path is heard like a sent one.", _by_path)
    yield Case("file.cut-short", "A truncated file is heard up to its end, or refused.", _cut_short)
    for name, (what, content) in _NONE.items():
        yield Case(f"file.{name}", f"{what} is refused in a sentence.", partial(_none, content))
    yield Case("hours.minute", "A minute of silence has no text.", partial(_silence, 1 / 60))
    claim = f"{_HOURS} hours of silence have no text, and take no memory."
    yield Case("hours.zeros", claim, partial(_silence, _HOURS), costly=True)
    yield Case("hours.noise", "Five minutes of noise end, with segments in order.", _long_noise, costly=True)


def ordered(answer: Answer) -> Iterator[str]:
    """Yields the faults of the segments of an answer."""
    yield from answer.faults("the recording")
    duration, last = float(answer.result.get("duration", 0.0)), 0.0
    for segment in answer.partials:
        if segment.get("kind") != "segment":
            continue
        if not last <= segment["start"] <= segment["end"] <= duration + 0.05:
            yield f"times are out of order: {segment['start']} to {segment['end']} of {duration}"
        last = segment["start"]


def _raw(trial: Trial, samples: Samples, rate: int, channels: int = 1) -> Answer:
    params: JsonObject = {"format": "s16le", "rate": rate, "channels": channels}
    return trial.ask(trial.op, s16le(samples), params)


def _rate(rate: int, trial: Trial) -> Iterator[str]:
    import soxr

    answer = _raw(trial, soxr.resample(trial.speech, RATE, rate), rate)
    yield from ordered(answer)
    if abs(answer.result.get("duration", 0.0) - len(trial.speech) / RATE) > 0.1:
        yield f"its reported duration is {answer.result.get('duration')} s, not {len(trial.speech) / RATE:g}"


def _channels(channels: int, trial: Trial) -> Iterator[str]:
    import numpy as np

    yield from ordered(_raw(trial, np.repeat(trial.speech, channels), RATE, channels))


def _file(samples: Samples, container: str, subtype: str) -> bytes:
    import soundfile

    sink = io.BytesIO()
    soundfile.write(sink, samples, RATE, format=container, subtype=subtype)
    return sink.getvalue()


def _format(name: str, trial: Trial) -> Iterator[str]:
    answer = trial.ask(trial.op, _file(trial.speech, *_FORMATS[name]))
    yield from ordered(answer)
    if name == "flac" and trial.gist(answer) != trial.gist(trial.work()):
        yield f"it has another text: {trial.gist(answer)!r:.200}"


def _odd(value: float, trial: Trial) -> Iterator[str]:
    samples = trial.speech.copy()
    samples[1000::5000] = value
    answer = trial.ask(trial.op, _file(samples, "WAV", "FLOAT"))
    yield from answer.faults("the file", may_refuse=True)
    if answer.error is None:
        yield from ordered(answer)


def _by_path(trial: Trial) -> Iterator[str]:
    with TemporaryDirectory(prefix="hushd-sound-") as folder:
        path = Path(folder) / "a recording.wav"
        path.write_bytes(wav(trial.speech))
        answer = trial.ask(trial.op, path)
    yield from ordered(answer)
    if trial.gist(answer) != trial.gist(trial.work()):
        yield f"it has another text: {trial.gist(answer)!r:.200}"


def _cut_short(trial: Trial) -> Iterator[str]:
    whole = wav(trial.speech)
    yield from trial.ask(trial.op, whole[: len(whole) // 2 + 1]).faults("the file", may_refuse=True)


def _none(content: bytes | None, trial: Trial) -> Iterator[str]:
    answer = trial.ask(trial.op, wav(trial.speech[:0]) if content is None else content)
    yield from answer.faults("it", may_refuse=True)
    if answer.partials:
        yield f"it has a text: {trial.gist(answer)!r:.200}"


def _silence(hours: float, trial: Trial) -> Iterator[str]:
    memory = PrivateMemory()
    trial.work()
    memory.look()
    before, minutes = memory.now, round(hours * 60)
    stream = (bytes(2 * _SLOW * 60) for _ in range(minutes))
    answer = trial.ask(trial.op, stream, {"format": "s16le", "rate": _SLOW, "channels": 1})
    trim()
    memory.look()
    yield from ordered(answer)
    if trial.gist(answer):
        yield f"it has a text: {trial.gist(answer)!r:.200}"
    if abs(answer.result.get("duration", 0.0) - minutes * 60) > 1:
        yield f"its reported duration is {answer.result.get('duration')} s"
    if memory.now - before > _GROWTH:
        yield f"it makes the process grow by {(memory.now - before) / 1e6:.0f} MB"


def _long_noise(trial: Trial) -> Iterator[str]:
    import numpy as np

    minute = np.random.default_rng(3).normal(0, 0.1, 60 * RATE).astype(np.float32)
    stream = (s16le(minute) for _ in range(5))
    pieces = (data[start : start + 64_000] for data in stream for start in range(0, len(data), 64_000))
    yield from ordered(trial.ask(trial.op, pieces, {"format": "s16le", "rate": RATE, "channels": 1}))
