"""The worker around an engine: takes a job, speaks it sentence by sentence, answers with audio."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from hushd_protocol.errors import HushdError
from hushd_protocol.job import Job

from . import catalogue, speech
from .engine import AudioChunk, TtsEngine
from .sentences import Piece, pieces

if TYPE_CHECKING:
    from .audio_out import Encoder


class Worker:
    """What `hushd_protocol.harness.serve` runs. One job at a time: an engine uses all it can get for one."""

    slots = 1

    def __init__(self, engine: str, model: str) -> None:
        self._name = engine
        self._model = model
        self._engine: TtsEngine

    def load(self, report: Callable[[str], None]) -> dict[str, Any]:
        """Finds and loads the engine; returns `engine`, `model`, `voices` (those installed) and `formats`.

        Raises:
            HushdError: `engine_missing` or `model_missing`.
        """
        kind = catalogue.find(self._name)
        info = kind.info()
        known = [model.name for model in info.models]
        model = info.default_model if self._model == "default" else self._model
        if model not in known:
            raise HushdError(
                "model_missing",
                f"{info.name} has no model {catalogue.quoted(model)}{catalogue.did_you_mean(model, known)}: "
                f"use {catalogue.listed(known)}.",
            )
        if not info.installed:
            raise HushdError("engine_missing", f"The engine {info.name} is not installed: {info.install}.")
        # Parsing dictionaries makes a million objects that stay; looking for garbage among them costs 10 to 20 ms.
        gc.disable()
        try:
            self._engine = kind(model)
            self._engine.load(report)
            from . import audio_out  # noqa: F401  (numpy: part of the load, not of the first request)
        finally:
            gc.enable()
        voices = [voice.name for voice in kind.voices() if voice.installed]
        return {"engine": info.name, "model": model, "voices": voices, "formats": list(speech.FORMATS)}

    def run(self, job: Job) -> dict[str, Any]:
        """Speaks the job's text; returns `duration` (seconds), `rate` (Hz), `voice`, `speed` and `sentences`.

        Raises:
            HushdError: `bad_request` for parameters that make no sense and for text without anything to speak;
                `model_missing` for a voice that is not installed; `unsupported` for another op.
            Cancelled: at the latest after the sentence being synthesised.
        """
        if job.op != "synthesize":
            raise HushdError("unsupported", f"A tts worker can synthesize, not {catalogue.quoted(job.op)}.")
        wanted = speech.read(job.params, self._engine.info(), self._engine.voices())
        self._engine.economy, self._engine.degraded = job.economy, False
        output: Encoder | None = None
        text_seen = spoken = False
        sentences = frames = rate = 0
        goes_on = False  # whether the piece before was no end of a sentence
        for piece in pieces(job.read()):
            text_seen = True
            for chunk in self._piece(job, piece, goes_on, wanted):
                if output is None:
                    from .audio_out import encoder

                    rate = chunk.rate
                    output = encoder(job, wanted.format, rate)
                output.write(chunk.samples)
                frames += len(chunk.samples)
                spoken = True
            goes_on = not piece.ends
            if piece.ends and spoken:
                sentences, spoken = sentences + 1, False
        if output is None:
            raise HushdError("bad_request", _nothing(text_seen, wanted))
        output.close()
        job.degraded = self._engine.degraded
        return {
            "duration": round(frames / rate, 3),
            "rate": rate,
            "voice": wanted.voice.name,
            "speed": round(wanted.speed, 3),
            "sentences": sentences + spoken,
        }

    def _piece(self, job: Job, piece: Piece, goes_on: bool, wanted: speech.Speech) -> Iterator[AudioChunk]:
        """The audio of one piece. The pause an engine makes after a sentence is kept; where a sentence was cut, it is
        shortened to that of a comma."""
        from .audio_out import joined, shorten

        job.check()
        chunks = self._engine.synthesize(piece.text, wanted.voice, wanted.speed)
        if not piece.ends:
            chunks = joined(chunks)
        for chunk in chunks:
            job.check()
            yield shorten(chunk, start=goes_on, end=not piece.ends)
            goes_on = False


def _nothing(text_seen: bool, wanted: speech.Speech) -> str:
    if not text_seen:
        return "There is no text to speak."
    return f"There is nothing in this text that the voice {wanted.voice.name} ({wanted.voice.language}) can speak."
