"""Speech to text, and the choice of its model: a part of `hushd.Client`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from .management import Management
from .transcripts.options import TranscribeOptions, live_params, transcribe_params
from .transport import requests, source
from .transport.requests import KeepAlive
from .transport.source import Audio, Stream

if TYPE_CHECKING:
    from .model_choice import Candidate, ModelChoice
    from .transcripts.transcript import Transcript
    from .transcripts.transcription import Transcription

AUTO = "auto"  # a model's name: the best that is installed


class Recognition(Management):
    """Transcribes recordings and live audio; a base of `hushd.Client`. Every method raises `HushdError`."""

    _engines: dict[str, Any] | None = None  # for speech to text, once a request depends on them

    def transcribe(
        self,
        audio: Audio,
        *,
        rate: int | None = None,
        channels: int = 1,
        engine: str | None = None,
        model: str | None = None,
        speed: str | None = None,
        keep_alive: KeepAlive = None,
        priority: str = "text",
        deadline: float | None = None,
        on_progress: Callable[[float, float], None] | None = None,
        **options: Unpack[TranscribeOptions],
    ) -> Transcript:
        """Returns the whole transcript of `audio`. Arguments: those of `transcribe_stream`."""
        return self.transcribe_stream(
            audio,
            rate=rate,
            channels=channels,
            engine=engine,
            model=model,
            speed=speed,
            keep_alive=keep_alive,
            priority=priority,
            deadline=deadline,
            on_progress=on_progress,
            **options,
        ).transcript()

    def transcribe_stream(
        self,
        audio: Audio,
        *,
        rate: int | None = None,
        channels: int = 1,
        engine: str | None = None,
        model: str | None = None,
        speed: str | None = None,
        keep_alive: KeepAlive = None,
        priority: str = "text",
        deadline: float | None = None,
        on_progress: Callable[[float, float], None] | None = None,
        **options: Unpack[TranscribeOptions],
    ) -> Transcription:
        """Returns an iterator over the segments, each as soon as it is known.

        Args:
            audio: a path; a file's bytes; an iterable of bytes such as a binary file, read in another thread; or an
                array of float32, float64 or int16 samples, of shape (frames,) or (frames, channels).
            rate: Hz, of an array, or when the bytes are raw s16le samples; None when they are a sound file's.
            channels: of raw s16le samples; an array's shape says its own.
            model: one of the engine's; without an engine, as `find_model` finds it; or `auto`: see `choose_model`.
            speed: of the model with `auto`: `fast`, `medium` (the default) or `slow`.
            deadline: seconds after which the request is given up.
            on_progress: called with the seconds done and in all, while iterating.
            options: language, task, prompt, words, speakers and more: see `TranscribeOptions`.
        """
        params = transcribe_params(options)
        input = source.of_audio(audio, rate)
        if rate is not None and not source.is_array(audio):
            params |= {"format": "s16le", "rate": rate, "channels": channels}
        engine, model = self._meant(params, speed, engine, model)
        request = requests.request("stt", "transcribe", params, engine, model, keep_alive, priority, deadline)
        call = self._call(request, input)
        from .transcripts.transcription import Transcription  # while the worker works

        return Transcription(call, on_progress, diarized=bool(options.get("diarize")))

    def listen(
        self,
        chunks: Iterable[bytes],
        *,
        rate: int = 16000,
        channels: int = 1,
        continuous: bool = False,
        silence_s: float = 0.8,
        no_speech_s: float | None = None,
        engine: str | None = None,
        model: str | None = None,
        speed: str | None = None,
        keep_alive: KeepAlive = None,
        priority: str = "text",
        echo: bool = False,
        on_partial: Callable[[str, str], None] | None = None,
        on_event: Callable[[str, dict[str, Any]], None] | None = None,
        **options: Unpack[TranscribeOptions],
    ) -> Transcription:
        """Transcribes one utterance of live audio; ends by itself after `silence_s` seconds of silence.

        With `continuous` it transcribes one utterance after the other, a segment each, until `chunks` end.

        Args:
            chunks: s16le samples as they are recorded, such as a `Microphone` yields; read in another thread.
            model: one of the engine's; without an engine, as `find_model` finds it; or `auto`: see `choose_model`.
            speed: of the model with `auto`: `fast` (the default), `medium` or `slow`.
            no_speech_s: seconds in which somebody must begin to speak, 30 by default. With `continuous`, seconds of
                silence that end the session; by default no silence does.
            echo: there are two channels, and the second is what a loudspeaker plays, which is taken out of the first.
            on_partial: called while iterating with the unfinished utterance in two parts: text that will not change
                before its segment comes, and the text behind it, which may.
            on_event: called while iterating with `began` as soon as somebody speaks, before there is any text, with
                `ended` after the last segment of their utterance, with `nothing` when it was a cough, and with `echo`:
                see docs/PROTOCOL.md.
            options: language, task, prompt and more: see `TranscribeOptions`.

        Raises:
            HushdError: `no_speech` when nobody has begun to speak in time.
        """
        params = live_params(
            options, rate=rate, channels=channels, continuous=continuous, silence_s=silence_s, no_speech_s=no_speech_s,
            echo=echo,
        )  # fmt: skip
        engine, model = self._meant(params, speed or "fast", engine, model)
        request = requests.request("stt", "transcribe", params, engine, model, keep_alive, priority)
        call = self._call(replace(request, session=True), Stream(chunks))
        from .transcripts.transcription import Transcription  # while the worker works

        return Transcription(call, on_partial=on_partial, on_event=on_event, diarized=bool(options.get("diarize")))

    def choose_model(
        self,
        language: str | None = None,
        *,
        speed: str | None = None,
        engine: str | None = None,
        translate: bool = False,
    ) -> ModelChoice:
        """Chooses the model for `model="auto"`: the best installed one that knows `language`, is no slower than `speed`
        (`fast`, `medium`, `slow`; None: medium) and fits into memory; where memory is short, a smaller one.

        Returns `engine`, `model` and `why`, a sentence.

        Args:
            language: such as `de` or `German`; None: a model that detects the language, if one is installed.
            engine: considers this engine's models only.

        Raises:
            HushdError: `model_missing` when no installed model knows the language; `engine_missing`; `bad_request` for
                an error in the configuration's models.
        """
        from . import model_choice

        found = installed(self._described(), engine, translate, self._paths.config)
        there = model_choice.machine(self.status(), "stt")
        return model_choice.choose(found, there, language, speed or "medium", engine)

    def find_model(self, name: str) -> tuple[str, str]:
        """Returns engine and model of a bare name such as `turbo`: of the engines that have it, the lightest installed.

        Raises:
            HushdError: `model_missing`, with the command that gets it.
        """
        from . import model_names

        return model_names.find(self._described(), name)

    def _meant(
        self, params: dict[str, Any], speed: str | None, engine: str | None, model: str | None
    ) -> tuple[str | None, str | None]:
        """Engine and model of a request that may name only the model, or `auto`."""
        if model == AUTO:
            translate = params.get("task") == "translate"
            return self.choose_model(params.get("language"), speed=speed, engine=engine, translate=translate)[:2]
        if model and not engine and names_no_engine(model):
            return self.find_model(model)
        return engine, model

    def _described(self) -> dict[str, Any]:
        """Describes speech to text: engines and models; asks once."""
        if self._engines is None:
            self._engines = self.describe("stt")["stt"]
        return self._engines


def installed(described: dict[str, Any], engine: str | None, translates: bool, config: Path) -> list[Candidate]:
    """Returns the installed models, with what the configuration says of its own; raises as `choose_model`."""
    from hushd_models import user_models

    from .model_choice import candidates

    return candidates(described, engine, translates, user_models.configured(config))


def names_no_engine(model: str) -> bool:
    """Whether `model` is not of the form ENGINE/NAME."""
    return model.count("/") != 1 or model.endswith(".pt")
