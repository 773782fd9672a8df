"""A speech-to-text engine on trial."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from hushd_protocol import JsonObject
from hushd_schema.description import HearingEngine
from hushd_schema.sound_file import wav_header
from hushd_worker.engine_registry import choose_model
from hushd_worker_stt.engine import RATE, Engine, EngineInfo, ModelInfo, Options, Samples, Segment
from hushd_worker_stt.registry import REGISTRY
from hushd_worker_stt.worker import SpeechToText

from hushd_conformance import trial
from hushd_conformance.trial import Answer

_TIME_TOLERANCE_S = 0.05  # by which a time may be beyond the end of a piece
_LONG_RECORDING_S = 30.0
_SPEECH_S = 5  # of a recording, which are enough


class Trial(trial.Trial):
    """A speech-to-text engine with one model."""

    role = "stt"
    registry = REGISTRY
    op = "transcribe"

    @cached_property
    def kind(self) -> type[Engine]:
        return REGISTRY.find(self.name)

    @cached_property
    def model(self) -> str:
        known = [model.name for model in self.kind.models()]
        return choose_model(self.name, self.named, self.kind.INFO.default_model, known)

    @cached_property
    def info(self) -> ModelInfo:
        return next(model for model in self.kind.models() if model.name == self.model)

    @cached_property
    def abilities(self) -> EngineInfo:
        """Returns the engine's description with this model."""
        return self.kind.INFO.of_model(self.info)

    @property
    def engine(self) -> Engine:
        assert isinstance(self.worker, SpeechToText)
        return self.worker._engine

    def described(self) -> HearingEngine:
        return REGISTRY.describe_engine(self.kind)

    def make_worker(self, model: str) -> SpeechToText:
        return SpeechToText(self.name, model)

    def work(self) -> Answer:
        return self.ask(self.op, wav(self.speech))

    def long_work(self, cancel: Callable[[int], bool]) -> Answer:
        import numpy as np

        speech = np.tile(self.speech, 1 + int(_LONG_RECORDING_S * RATE / len(self.speech)))
        data = s16le(speech)
        chunks = (data[start : start + 2 * RATE] for start in range(0, len(data), 2 * RATE))
        return self.ask(self.op, chunks, {"format": "s16le", "rate": RATE, "channels": 1}, cancel)

    def ask(
        self,
        op: str,
        source: bytes | Iterable[bytes],
        params: JsonObject | None = None,
        cancel: Callable[[int], bool] | None = None,
    ) -> Answer:
        try:
            return super().ask(op, source, params, cancel)
        finally:
            self.engine.__dict__.pop("check", None)  # from a job that may have been cancelled

    def gist(self, answer: Answer) -> object:
        return [segment.get("text") for segment in answer.partials]

    @cached_property
    def speech(self) -> Samples:
        """Returns speech, or a hum that may pass for it: full scale is 1, 16 kHz."""
        import numpy as np
        import soundfile

        if file := self.sound or _brought():
            samples, _ = soundfile.read(file, dtype="float32", always_2d=True)
            mono: Samples = samples[: _SPEECH_S * RATE].mean(axis=1)
            return mono
        time = np.arange(4 * RATE) / RATE
        hum = sum(np.sin(2 * np.pi * 120 * n * time) / n for n in range(1, 30)) * (np.sin(2 * np.pi * 3 * time) > 0)
        return (0.1 * hum).astype(np.float32)

    def options(self, **changes: object) -> Options:
        """Returns the options for a piece, with the model's first language."""
        languages = self.info.languages
        chosen: dict[str, object] = {"language": languages[0] if languages else None}
        return Options(**chosen | changes)  # type: ignore[arg-type]

    def hear(self, samples: Samples, **changes: object) -> list[Segment]:
        """Returns the segments of a piece, by the engine alone."""
        return list(self.engine.transcribe(samples, self.options(**changes)))


def wrong(segments: Sequence[object], duration: float) -> Iterator[str]:
    """Yields the faults of the segments of a piece of `duration` seconds."""
    last = 0.0
    for segment in segments:
        if not isinstance(segment, Segment) or not isinstance(segment.text, str):
            yield f"it yields {segment!r:.60}, which is not a Segment with a text"
            return
        if not last <= segment.start <= segment.end <= duration + _TIME_TOLERANCE_S:
            yield f"it yields times out of order, {segment.start:g} to {segment.end:g} s of {duration:g}"
        if any(ord(sign) < 32 or sign in "\x7f\u2028\u2029" for sign in segment.text):
            yield f"a text has control characters: {segment.text!r:.100}"
        last = segment.start
        place = segment.start
        for word in segment.words:
            if not segment.start - _TIME_TOLERANCE_S <= word.start <= word.end <= segment.end + _TIME_TOLERANCE_S:
                yield f"the word {word.text!r} lies outside its segment"
            if word.start < place - _TIME_TOLERANCE_S:
                yield f"the word {word.text!r} begins before the one before it"
            place = word.start


def s16le(samples: Samples) -> bytes:
    """Returns samples in the form of a microphone's."""
    import numpy as np

    return np.clip(np.round(samples * 32768), -32768, 32767).astype("<i2").tobytes()


def wav(samples: Samples) -> bytes:
    """Returns samples as a WAV file of 16 bits."""
    data = s16le(samples)
    return wav_header(RATE, len(data)) + data


def _brought() -> Path | None:
    """Returns a recording from a package that nearly every installation with speech to text has."""
    spec = find_spec("moonshine_voice")
    file = Path(spec.origin).parent / "assets" / "beckett.wav" if spec and spec.origin else None
    return file if file and file.is_file() else None
