"""The parameters of `transcribe`, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hushd_models import languages as names
from hushd_models.params import Kind, choice, flag, is_number, number, read, text, whole
from hushd_protocol.errors import HushdError

from . import decoder
from .engine import EngineInfo, ModelInfo, Options

_PROMPT = text(2_000)  # Whisper reads the last 224 tokens of it
_KINDS = {
    "format": choice("file", "s16le"),
    "rate": whole(1_000, 768_000),
    "channels": whole(1, 64),
    "language": text(),
    "task": choice("transcribe", "translate"),
    "prompt": _PROMPT,
    "hotwords": _PROMPT,
    "beam_size": whole(1, 100),
    "temperature": number(0, 1),
    "word_times": flag(),
    "diarize": flag(),
    "speakers": whole(0, 100),
    "min_silence_s": number(0.05, 60),
    "speech_pad_s": number(0, 10),
    "max_segment_s": Kind(
        "0, for the engine's own, or a number from 1 to 3600",
        lambda value: is_number(value) and (value == 0 or 1 <= value <= 3_600),
        float,
    ),
    "audio_track": whole(1, 1_000),
    "start_s": number(0),
    "clips": Kind(
        "a list of ascending numbers of seconds: start, end, start, end, …",
        lambda value: isinstance(value, list) and all(map(is_number, value)) and _ascending([-1, *value]),
        tuple,
    ),
    "decoder": Kind("a table of options", lambda value: isinstance(value, dict)),
    "live": flag(),
    "echo": flag(),
    "continuous": flag(),
    "silence_s": number(0.1, 60),
    "no_speech_s": number(0, 86_400),
}


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
        audio_track: which track of a film, from 1; None: the first one with speech.
        start_s: where in a recording to begin; times stay those of the whole.
        clips: the parts of a recording to transcribe: start, end, start, end, … in seconds; empty: all of it.
        decoder: options of Whisper's decoder (`decoder.KINDS`).
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
    audio_track: int | None = None
    start_s: float = 0.0
    clips: tuple[float, ...] = ()
    decoder: Mapping[str, Any] = field(default_factory=dict)
    live: bool = False
    echo: bool = False
    continuous: bool = False
    silence_s: float = 0.8
    no_speech_s: float = 30.0

    @classmethod
    def parse(cls, params: Mapping[str, Any], engine: EngineInfo, model: ModelInfo) -> Request:
        """Checks a job's `params` for `model` of `engine`; None counts as left out.

        Raises:
            HushdError: `bad_request`, naming the parameter and what it may be, or `unsupported`.
        """
        given = read(params, _KINDS, "transcribe")
        live, continuous = given.get("live", False), given.get("continuous", False)
        if live and given.get("format") == "file":
            raise HushdError("bad_request", "format must be s16le for live audio, not 'file'.")
        if continuous and not live:
            raise HushdError("bad_request", "continuous is for live audio: set live too.")
        if given.get("echo") and not (live and given.get("channels") == 2):
            raise HushdError(
                "bad_request",
                "echo is for live audio of two channels: the microphone's, and what is played meanwhile.",
            )
        if live and given.get("diarize"):
            raise HushdError(
                "unsupported",
                "Speakers are told apart in whole recordings, not while somebody speaks: leave out diarize, "
                "or record first.",
            )
        if given.get("clips") and (live or given.get("diarize")):
            raise HushdError(
                "unsupported",
                "clips are parts of a recording in which nobody is told apart: leave out live and diarize.",
            )
        if given.get("task") == "translate" and not engine.translation:
            raise HushdError(
                "unsupported",
                f"The engine {engine.name!r} does not translate: faster-whisper and whisper do, such as "
                "--engine faster-whisper.",
            )
        given["decoder"] = read(given.get("decoder", {}), decoder.KINDS, "decoder")
        given["start_s"] = max([given.get("start_s", 0.0), *given.get("clips", ())[:1]])
        defaults = {"format": "s16le" if live else "file", "no_speech_s": 0.0 if continuous else 30.0}
        return cls(**defaults | given | {"language": _language(given.get("language"), model.languages)})

    def options(self) -> Options:
        """Returns what concerns the engine."""
        return Options(
            language=self.language,
            translate=self.task == "translate",
            prompt=self.prompt,
            hotwords=self.hotwords,
            beam=self.beam_size,
            temperature=self.temperature,
            word_times=self.word_times,
            decoder=self.decoder,
        )

    def warnings(self, engine: EngineInfo) -> list[dict[str, str]]:
        """Returns a warning, as a result carries it, about what the request asks for and `engine` does not do."""
        given = {name: getattr(self, name) for name in decoder.ALL if name not in decoder.KINDS}
        if not (names := decoder.unused(given | dict(self.decoder), engine.options, live=self.live)):
            return []
        message = f"The engine {engine.name!r} has no {' and no '.join(names)}: it did without."
        return [{"code": "no_effect", "message": message}]


def _ascending(values: list[float]) -> bool:
    return all(before < after for before, after in pairwise(values))


def _language(value: str | None, languages: tuple[str, ...]) -> str | None:
    if value is None or value == "auto":
        return languages[0] if len(languages) == 1 else None
    if language := names.find(value, languages):  # as the model writes it, such as `de-DE`
        return language
    from hushd_models import advice  # only to help with a mistake

    close = names.meant(value, languages)
    hint = f" (did you mean {close}?)" if close else advice.for_language("stt", value)
    known = (
        ", ".join(languages) if len(languages) <= 12 else f"{', '.join(languages[:10])} and {len(languages) - 10} more"
    )
    raise HushdError("bad_request", f"This model hears {known}, not {value!r}{hint}.")
