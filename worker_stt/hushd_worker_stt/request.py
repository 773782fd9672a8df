"""Checks the parameters of `transcribe`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from hushd_models import advice
from hushd_models import languages as names
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted
from hushd_schema import engines
from hushd_schema.operations.decoder import DECODER
from hushd_schema.operations.transcribe import TRANSCRIBE

from .engine import Model, Options, Segment

if TYPE_CHECKING:
    from hushd_schema.engines import EngineSpec

    from .own_words import OwnWords

T = TypeVar("T")


def _with_defaults(request: type[T]) -> type[T]:
    """Gives the fields of a dataclass the operation's defaults."""
    for name, default in TRANSCRIBE.defaults().items():
        setattr(request, name, field(default_factory=dict) if name in ("decoder", "people") else default)
    return request


@dataclass(frozen=True, slots=True)
@_with_defaults
class Request:
    """The checked parameters of a job; `hushd_schema.operations.transcribe` explains each.

    Attributes:
        start_s: the second at which to begin; that of the first of `clips`, if it is later.
        format: always `s16le` with `live`.
        decoder: the decoder's options, and the operation's other fields for engines, by their names.
        no_speech_s: 0, without a limit, by default with `continuous`.
        named: whether the language was requested: a model that knows one language needs no name for it.
        own: the words that take the place of what sounds like them, of the request or of the user's list.
    """

    format: str
    rate: int
    channels: int
    language: str | None
    languages: tuple[str, ...]
    task: str
    prompt: str
    hotwords: str
    own_words: str | None
    beam_size: int | None
    temperature: float | None
    word_times: bool
    probabilities: bool
    clips: tuple[float, ...]
    diarize: bool
    by_channel: bool | None
    speakers: int
    people: Mapping[str, str]
    voiceprints: bool
    min_silence_s: float
    speech_pad_s: float
    max_segment_s: float
    audio_track: int | None
    start_s: float
    as_spoken: bool
    decoder: Mapping[str, Any]
    live: bool
    continuous: bool
    silence_s: float
    no_speech_s: float
    turn_end: str
    end_word: str
    usual_words: str
    list_fault: str
    named: bool = False
    own: OwnWords | None = None

    @classmethod
    def parse(cls, params: Mapping[str, Any], engine: EngineSpec, model: Model) -> Request:
        """Checks a job's `params` for `model`, with which the engine is `of_model`; None counts as left out. Raises
        `bad_request`, with the parameter and its possible values, or `unsupported`."""
        given = TRANSCRIBE.read(params)
        live, continuous = given.get("live", False), given.get("continuous", False)
        if live and given.get("format") == "file":
            raise HushdError("bad_request", "format must be s16le for live audio, not 'file'.")
        if continuous and not live:
            raise HushdError("bad_request", "continuous is for live audio: set live too.")
        if given.get("clips") and (live or given.get("diarize")):
            raise HushdError(
                "unsupported", "clips are parts of a recording without diarization: leave out live and diarize."
            )
        if not given.get("diarize") and (given.get("people") or given.get("voiceprints")):
            raise HushdError("bad_request", "people and voiceprints are for diarization: set diarize too.")
        if live and given.get("diarize"):
            raise HushdError("unsupported", "Speakers are told apart in recordings: leave out live, or diarize.")
        if given.get("by_channel") and (live or given.get("clips")):
            raise HushdError("unsupported", "Channels are heard apart in whole recordings: leave out live and clips.")
        if given.get("task") == "translate" and not engine.translates:
            raise _no_translation(f"{engine.name}/{model.name}")
        given["decoder"] = DECODER.read(given.get("decoder", {}))
        given["start_s"] = max([given.get("start_s", 0.0), *given.get("clips", ())[:1]])
        named = given.get("language") not in (None, "auto")
        given |= {"language": _language(given.get("language"), model.languages), "named": named}
        usual = TRANSCRIBE.defaults()
        if live:
            usual["format"] = "s16le"
        if continuous:
            usual["no_speech_s"] = 0.0
        asked = usual | given
        # The remaining fields are for engines.
        for name in TRANSCRIBE.fields.keys() - {each.name for each in fields(cls)}:
            if (value := asked.pop(name)) is not None:
                asked["decoder"][name] = value
        return cls(**asked)

    @property
    def may_be_by_channel(self) -> bool:
        """True if the recording is asked whether its channels are to be heard apart."""
        told_apart = self.speakers or self.voiceprints
        return bool(self.by_channel or (self.by_channel is None and not self.clips and not told_apart))

    def options(self) -> Options:
        return Options(
            language=self.language,
            translate=self.task == "translate",
            prompt=self.prompt,
            hotwords=self.hotwords,
            beam=self.beam_size,
            temperature=self.temperature,
            word_times=self.word_times or self.probabilities,
            decoder=self.decoder,
            languages=self.languages,
            named=self.named,
        )

    def warnings(self, engine: EngineSpec) -> list[dict[str, str]]:
        """Returns warnings, in the form of results, about requested options that `engine` does not support."""
        given = {name: getattr(self, name) for name in TRANSCRIBE.by_engine() if hasattr(self, name)}
        names = unused(given | dict(self.decoder), engine.options, live=self.live)
        if self.word_times and not engine.word_times:
            names.insert(0, "word_times")
        if not names:
            return []
        named = " and no ".join(names)
        message = f"The engine {engine.name!r} takes no {named}: the recording was transcribed without."
        return [{"code": "no_effect", "message": message}]


def _no_translation(model: str) -> HushdError:
    able = " and ".join(spec.name for spec in engines.every("stt") if spec.translates)
    return HushdError(
        "unsupported",
        f"The model {model} does not translate: multilingual models of {able} do, such as {advice.translator()}.",
    )


def _language(value: str | None, languages: tuple[str, ...]) -> str | None:
    if value is None or value == "auto":
        return languages[0] if len(languages) == 1 else None
    if language := names.find(value, languages):  # the model's form, such as `de-DE`
        return language
    from hushd_models.choice import recommendation  # noqa: PLC0415 - 10 ms, for a mistake

    close = names.meant(value, languages)
    brings = recommendation.for_language("stt", value) or "; `hushd models list stt` has each model's languages"
    hint = f" (did you mean {close}?)" if close else brings
    known = (
        ", ".join(languages) if len(languages) <= 12 else f"{', '.join(languages[:10])} and {len(languages) - 10} more"
    )
    raise HushdError("bad_request", f"This model understands {known}, not {quoted(value)}{hint}.")


# Options for recordings, with any engine's prompt.
_BETWEEN_PIECES = {"condition_on_previous_text", "carry_initial_prompt"}
_MAX_PROMPT = 600  # characters of prompt and earlier text: less than the 223 tokens that Whisper reads


def unused(given: Mapping[str, Any], used: tuple[str, ...] | None, *, live: bool) -> list[str]:
    """Returns the options of `given` that an engine does not support, if it names the ones that it supports.

    Args:
        given: values by the names of `by_engine` fields of `transcribe` and of its `decoder`.
        used: `EngineSpec.options`.
    """
    if used is None:
        return []
    done = set(used) - _BETWEEN_PIECES
    if "prompt" in used and not live:
        done |= _BETWEEN_PIECES
    if given.get("temperature") is not None:
        done.add("temperature_increment")  # belongs to it
    return [name for name, value in given.items() if _asks(name, value) and name not in done]


def _asks(name: str, value: Any) -> bool:
    """Returns whether `value` differs from hushd's own value for every engine."""
    if name == "carry_initial_prompt":
        return value is False
    return value is not None and value is not False and value != "" and (name, value) != ("threads", 0)


class Context:
    """The text that the engine gets with each piece: the prompt and, if requested, the text before the piece.

    Args:
        prompt: the request's prompt, for each piece, unless `carry_initial_prompt` is false.
        decoder: the request's options, by their names.
    """

    def __init__(self, prompt: str, decoder: Mapping[str, Any]) -> None:
        self._prompt = prompt
        self._carried = decoder.get("carry_initial_prompt", True)
        self._conditioned = decoder.get("condition_on_previous_text", False)
        self._said = ""

    @property
    def changes(self) -> bool:
        """True if the next piece's prompt depends on this one."""
        return self._conditioned or bool(self._prompt and not self._carried)

    @property
    def prompt(self) -> str:
        """Returns the prompt for the next piece."""
        return f"{self._prompt} {self._said}".strip()

    def add(self, segments: Iterable[Segment]) -> None:
        """Adds the text of the last piece."""
        if not self._carried:
            self._prompt = ""
        if self._conditioned:
            spoken = " ".join([self._said, *(segment.text for segment in segments)])
            self._said = spoken[-max(1, _MAX_PROMPT - len(self._prompt)) :].strip()
