"""What a client may ask of `transcribe`, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hushd_protocol import languages as names
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import nearest

from .engine import EngineInfo, ModelInfo, Options

_TASKS = ("transcribe", "translate")
_TEXT = 2_000  # characters of a prompt; Whisper reads the last 224 tokens of it


@dataclass(frozen=True, slots=True)
class Request:
    """The parameters of one job.

    Attributes:
        format: `file`, by its content, or `s16le`: raw samples, interleaved.
        rate: of s16le, in Hz.
        channels: of s16le.
        language: a tag such as `en` or `en-GB`, or a name such as `English`; None or `auto`: the model finds out, or
            knows one only.
        task: `transcribe`, or `translate` into English.
        prompt: text that came before.
        hotwords: words to expect.
        beam_size: hypotheses followed at once; None: the engine's default.
        temperature: None: the engine's default.
        word_times: whether each word's time is wanted.
        diarize: whether to say who speaks.
        speakers: how many there are; 0: find out.
        min_silence_s: quiet in a recording that ends a segment.
        speech_pad_s: quiet kept around speech; less costs words (docs/ARCHITECTURE.md).
        max_segment_s: the longest segment, 0: what the engine is best given.
        start_s: where in a recording to begin; times stay those of the whole.
        live: somebody speaks now; the job ends with their utterance. Always s16le.
        echo: live, of two channels: the second is what a loudspeaker plays, to be taken out of the first.
        continuous: live, but utterance after utterance, until the input ends.
        silence_s: quiet that ends a live utterance.
        no_speech_s: time to begin speaking in, live; 0: as long as it takes, the default of `continuous`.
    """

    format: str = "file"
    rate: int = 16_000
    channels: int = 1
    language: str | None = None
    task: str = "transcribe"
    prompt: str = ""
    hotwords: str = ""
    beam_size: int | None = None
    temperature: float | None = None
    word_times: bool = False
    diarize: bool = False
    speakers: int = 0
    min_silence_s: float = 0.5
    speech_pad_s: float = 0.5
    max_segment_s: float = 0.0
    start_s: float = 0.0
    live: bool = False
    echo: bool = False
    continuous: bool = False
    silence_s: float = 0.8
    no_speech_s: float = 30.0

    @classmethod
    def parse(cls, params: Mapping[str, Any], engine: EngineInfo, model: ModelInfo) -> Request:
        """Reads a job's `params` for `model` of `engine`.

        Raises:
            HushdError: `bad_request`, naming the parameter and what it may be, or `unsupported`.
        """
        known = [field.name for field in fields(cls)]
        for name in params:
            if name not in known:
                close = nearest(name, known)
                hint = f"did you mean {close!r}?" if close else f"it knows {', '.join(known)}."
                raise HushdError("bad_request", f"transcribe has no parameter {name!r}: {hint}")
        read = _Reader(params)
        live, continuous = read.flag("live"), read.flag("continuous")
        form = params.get("format", "s16le" if live else "file")
        if form not in ("file", "s16le"):
            raise HushdError("bad_request", f"format is 'file' or 's16le', not {form!r}.")
        if live and form != "s16le":
            raise HushdError("bad_request", "live audio has the format 's16le', not 'file'.")
        if continuous and not live:
            raise HushdError("bad_request", "continuous is for live audio: set live too.")
        echo = read.flag("echo")
        if echo and not (live and params.get("channels") == 2):
            raise HushdError(
                "bad_request",
                "echo is for live audio of two channels, what the microphone hears and what is played meanwhile.",
            )
        if live and read.flag("diarize"):
            raise HushdError(
                "unsupported",
                "Speakers are told apart in whole recordings, not while somebody speaks: leave out diarize, "
                "or record first.",
            )
        task = params.get("task", "transcribe")
        if task not in _TASKS:
            raise HushdError("bad_request", f"task is 'transcribe' or 'translate', not {task!r}.")
        if task == "translate" and not engine.translation:
            raise HushdError(
                "unsupported",
                f"The engine {engine.name!r} does not translate: faster-whisper and whisper do, such as "
                "--engine faster-whisper.",
            )
        longest = read.number("max_segment_s", 0.0, 0, 3_600)
        if 0 < longest < 1:
            raise HushdError(
                "bad_request", f"max_segment_s is 0, for the engine's own, or at least 1, not {longest:g}."
            )
        return cls(
            format=form,
            rate=read.whole("rate", 16_000, 1_000, 768_000),
            channels=read.whole("channels", 1, 1, 64),
            language=_language(params.get("language"), model.languages),
            task=task,
            prompt=read.text("prompt"),
            hotwords=read.text("hotwords"),
            beam_size=read.whole("beam_size", 1, 1, 100) if params.get("beam_size") is not None else None,
            temperature=read.number("temperature", 0, 0, 1) if params.get("temperature") is not None else None,
            word_times=read.flag("word_times"),
            diarize=read.flag("diarize"),
            speakers=read.whole("speakers", 0, 0, 100),
            min_silence_s=read.number("min_silence_s", 0.5, 0.05, 60),
            speech_pad_s=read.number("speech_pad_s", 0.5, 0, 10),
            max_segment_s=longest,
            start_s=read.number("start_s", 0.0, 0, 1e9),
            live=live,
            echo=echo,
            continuous=continuous,
            silence_s=read.number("silence_s", 0.8, 0.1, 60),
            no_speech_s=read.number("no_speech_s", 0.0 if continuous else 30.0, 0, 86_400),
        )

    def options(self) -> Options:
        """What the engine is told."""
        return Options(
            language=self.language,
            translate=self.task == "translate",
            prompt=self.prompt,
            hotwords=self.hotwords,
            beam=self.beam_size,
            temperature=self.temperature,
            word_times=self.word_times,
        )


class _Reader:
    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params

    def flag(self, name: str) -> bool:
        value = self._params.get(name, False)
        if not isinstance(value, bool):
            raise HushdError("bad_request", f"{name} is true or false, not {value!r}.")
        return value

    def text(self, name: str) -> str:
        value = self._params.get(name, "")
        if not isinstance(value, str) or len(value) > _TEXT:
            raise HushdError("bad_request", f"{name} is a text of at most {_TEXT} characters.")
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        return self._number(name, default, low, high, int | float, "a number")

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        return int(self._number(name, default, low, high, int, "a whole number"))

    def _number(self, name: str, default: float, low: float, high: float, kind: Any, words: str) -> float:
        value = self._params.get(name, default)
        good = isinstance(value, kind) and not isinstance(value, bool)
        if not good or not math.isfinite(value) or not low <= value <= high:
            raise HushdError("bad_request", f"{name} is {words} from {low:g} to {high:g}, not {value!r}.")
        return float(value)


def _language(value: object, languages: tuple[str, ...]) -> str | None:
    if value is None or value == "auto":
        return languages[0] if len(languages) == 1 else None
    hint = ""
    if isinstance(value, str):
        if value in languages:  # as the user's own model writes it, such as `de-DE`
            return value
        if (language := names.code(value)) in languages:
            return language
        close = names.meant(value, languages)
        hint = f" (did you mean {close}?)" if close else ""
    known = (
        ", ".join(languages) if len(languages) <= 12 else f"{', '.join(languages[:10])} and {len(languages) - 10} more"
    )
    raise HushdError("bad_request", f"This model hears {known}, not {value!r}{hint}.")
