"""The configuration of a realtime session, as `session.update` changes it. Pure.

The configuration is the object that OpenAI's API shows for a session of transcription.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from hushd_models import languages
from hushd_protocol import JsonObject
from hushd_protocol.names import AUTO
from hushd_schema.kinds import NonNegativeFloat
from hushd_schema.operations import LIVE
from hushd_schema.operations import transcribe as schema
from hushd_schema.operations.synthesize import SYNTHESIZE
from hushd_schema.operations.transcribe import TRANSCRIBE
from msgspec import Meta

from .. import fields, parameters
from ..errors import bad
from . import g711

Object = JsonObject
PCM, PCM_RATE = "audio/pcm", 24_000  # Hz
# Flat names, of sessions of 2024, which bridges to the telephone still send.
_FLAT = {
    "input_audio_format": "format",
    "input_audio_noise_reduction": "noise_reduction",
    "input_audio_transcription": "transcription",
    "turn_detection": "turn_detection",
}
_FORMATS = {"pcm16": PCM, "g711_ulaw": g711.ULAW, "g711_alaw": g711.ALAW}
LOGPROBS = "item.input_audio_transcription.logprobs"
# Seconds of silence after a finished sentence, by the eagerness of semantic_vad; after an unfinished one it is longer.
SILENCE_S = {"low": 1.0, "medium": 0.5, "auto": 0.5, "high": 0.3}
RATES = SYNTHESIZE.fields["sample_rate"].kind
_SILENCE_MS = Annotated[float, Meta(ge=0, le=60_000)]
# Turn detection may have these beside; hushd uses the silence alone.
_DETECTION = {"silence_duration_ms": _SILENCE_MS} | dict.fromkeys(("create_response", "interrupt_response"), bool)
_DETECTION |= dict.fromkeys(("threshold", "prefix_padding_ms", "idle_timeout_ms"), NonNegativeFloat)
_INPUT, _NOISE = "session.audio.input", ("near_field", "far_field")
# The options of a session's transcription; recordings alone tell speakers apart.
HEARD = parameters.of(TRANSCRIBE, LIVE)
_KEYS = ("format", "noise_reduction", "transcription", "turn_detection")  # keys of `audio.input`; others are ignored
# OpenAI's models without turn detection: their programs commit without turning it off.
_COMMITTED = ("gpt-realtime-whisper", "gpt-live-transcribe")


class Session:
    """One session's configuration; `data` is the object, as sent to the program."""

    def __init__(self, name: str, model: str = "") -> None:
        audio_input: Object = {
            "format": {"type": PCM, "rate": PCM_RATE},
            "noise_reduction": None,
            "transcription": {"model": model},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
        }
        self.data: Object = {
            "type": "transcription",
            "object": "realtime.transcription_session",
            "id": name,
            "audio": {"input": audio_input},
            "include": None,
        }
        self._detection_chosen = False
        self._adapt(audio_input, {})

    def update(self, changes: Any) -> None:
        """Applies a `session.update`, completely or not at all. Raises ApiError or HushdError for a misfit."""
        changes = named(changes, "session")
        fields.text(changes, "type")
        sent = _part(_part(changes, "session", "audio"), "session.audio", "input")
        sent = {new: changes[old] for old, new in _FLAT.items() if old in changes} | sent
        if isinstance(sent.get("format"), str):
            sent["format"] = {"type": _FORMATS[fields.choice(sent, "format", tuple(_FORMATS), "pcm16")]}
        include = fields.texts(changes if "include" in changes else self.data, "include")
        audio_input = {**self.input, **{name: value for name, value in sent.items() if name in _KEYS}}
        _check(audio_input)
        self._adapt(audio_input, sent)
        known = [LOGPROBS] if LOGPROBS in include else None  # values that hushd does not know are left out
        self.data = {**self.data, "audio": {"input": audio_input}, "include": known}

    def _adapt(self, audio_input: Object, sent: Mapping[str, Any]) -> None:
        """Turns turn detection off for a model that has none, unless the program has chosen before."""
        self._detection_chosen |= "turn_detection" in sent
        model = (audio_input.get("transcription") or {}).get("model") or ""
        if not self._detection_chosen and model.startswith(_COMMITTED):
            audio_input["turn_detection"] = None

    @property
    def input(self) -> Object:
        """`audio.input`."""
        settings: Object = self.data["audio"]["input"]
        return settings

    @property
    def rate(self) -> int:
        """The rate of the sound in Hz."""
        return int((self.input.get("format") or {}).get("rate") or PCM_RATE) if self.coding == PCM else g711.G711_RATE

    @property
    def coding(self) -> str:
        """The coding of the sound: `PCM`, or one of `g711`'s."""
        return (self.input.get("format") or {}).get("type") or PCM

    @property
    def logprobs(self) -> bool:
        """True if the program asks for the probabilities of words."""
        return bool(self.data["include"])

    @property
    def vad(self) -> bool:
        """True if hushd detects the turns; else the program commits them."""
        return self.input.get("turn_detection") is not None

    def silence_s(self) -> float:
        """The seconds of silence that end a turn."""
        detection = self.input.get("turn_detection")
        if detection is None:
            return schema.SILENCE_S  # divides committed sound into sentences
        if detection.get("type") == "semantic_vad":
            return SILENCE_S[detection.get("eagerness") or "auto"]
        silence = fields.value(detection, "silence_duration_ms", _SILENCE_MS)
        return 0.5 if silence is None else max(0.1, float(silence) / 1000)

    def turn_end(self) -> str:
        """Returns the value for the request's field `turn_end`."""
        detection = self.input.get("turn_detection") or {}
        return schema.BY_MEANING if detection.get("type") == "semantic_vad" else schema.BY_SILENCE

    def transcription(self) -> Object:
        """`audio.input.transcription`: model, prompt, keywords and more; may be empty."""
        return self.input.get("transcription") or {}

    @property
    def model(self) -> str:
        """The model's name as the program writes it; may be empty."""
        return self.transcription().get("model") or ""

    def options(self) -> Object:
        """Returns the transcription's options, for `AsyncClient.listen`."""
        transcription = self.transcription()
        options = parameters.options_of(TRANSCRIBE, HEARD.check(transcription))
        options["language"] = self.language() or None
        options["probabilities"] = self.logprobs
        options["end_word"] = fields.text(self.input.get("turn_detection") or {}, "end_word")  # hushd's own
        options["hotwords"] = [*fields.texts(transcription, "keywords"), *filter(None, [options["hotwords"]])] or None
        return options

    def language(self) -> str:
        """The language that the program names; empty if it names none or several, which the model must tell apart."""
        asked = self.transcription()
        several = fields.texts(asked, "languages")
        return asked.get("language") or (several[0] if len(several) == 1 else "")


def _check(audio_input: Object) -> None:
    form = _part(audio_input, _INPUT, "format")
    fields.choice(form, "type", (PCM, g711.ULAW, g711.ALAW), PCM)
    fields.value(form, "rate", RATES)
    fields.choice(_part(audio_input, _INPUT, "noise_reduction"), "type", _NOISE, _NOISE[0])
    transcription = _part(audio_input, _INPUT, "transcription")
    fields.text(transcription, "model")
    HEARD.check(transcription)
    fields.flag(transcription, "unstable")
    fields.texts(transcription, "keywords")
    for language in {transcription.get("language") or AUTO, *fields.texts(transcription, "languages")} - {AUTO}:
        languages.checked(language)
    if audio_input.get("turn_detection") is not None:
        detection = _part(audio_input, _INPUT, "turn_detection")
        fields.text(detection, "end_word")
        fields.choice(detection, "type", ("server_vad", "semantic_vad"), "server_vad")
        fields.choice(detection, "eagerness", tuple(SILENCE_S), "auto")
        for name, kind in _DETECTION.items():
            fields.value(detection, name, kind)


def _part(whole: Mapping[str, Any], path: str, name: str) -> Object:
    """Returns the object `name` of another one, whose own name is `path`; null and none are an empty one."""
    part = whole.get(name)
    return {} if part is None else named(part, f"{path}.{name}")


def named(value: Any, param: str) -> Object:
    """Returns a parameter that is an object. Raises ApiError for any other."""
    if not isinstance(value, Mapping):
        raise bad(f"{param} must be an object.", param)
    return dict(value)
