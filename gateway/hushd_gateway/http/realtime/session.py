"""The configuration of a realtime session, as `session.update` changes it. Pure.

The configuration is the object that OpenAI's API shows. Flat names of older programs (`input_audio_format`, …) are
refused with their successor.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hushd_protocol import JsonObject
from hushd_schema.operations import LIVE
from hushd_schema.operations import transcribe as schema
from hushd_schema.operations.synthesize import SYNTHESIZE
from hushd_schema.operations.transcribe import TRANSCRIBE

from .. import fields, parameters
from ..errors import bad
from ..transcription.params import VAD
from .audio import FORMATS, PCM, RATE, TELEPHONE_RATE

Object = JsonObject
# Seconds of silence after a finished sentence, by the eagerness of semantic_vad; after an unfinished one it is longer.
SILENCE_S = {"low": 1.0, "medium": 0.5, "auto": 0.5, "high": 0.3}
DELAYS = ("minimal", "low", "medium", "high", "xhigh")
_OLD_NAMES = {
    "input_audio_format": "audio.input.format",
    "input_audio_noise_reduction": "audio.input.noise_reduction",
    "input_audio_transcription": "audio.input.transcription",
    "modalities": "output_modalities",
    "output_audio_format": "audio.output.format",
    "speed": "audio.output.speed",
    "turn_detection": "audio.input.turn_detection",
    "voice": "audio.output.voice",
}
RATES = SYNTHESIZE.fields["sample_rate"].kind
HEARD = parameters.of(TRANSCRIBE, LIVE)  # the options of a session's transcription
LOGPROBS = "item.input_audio_transcription.logprobs"  # the only value of a session's `include`
MAX_CHARACTERS = 64 * 1024  # characters of a session as JSON
# The keys of OpenAI's sessions; other keys are ignored.
_KEYS = frozenset((
    "audio", "include", "instructions", "max_output_tokens", "max_response_output_tokens", "model", "output_modalities",
    "prompt", "temperature", "tool_choice", "tools", "tracing", "truncation",
))  # fmt: skip
_RESPONSE = ("audio", "output_modalities", *_OLD_NAMES)  # keys that `response.create` changes, or is refused for
_SIDES = {
    "input": frozenset(["format", "noise_reduction", "transcription", "turn_detection"]),
    "output": frozenset(["format", "model", "speed", "voice"]),
}
DIARIZING = "gpt-4o-transcribe-diarize"  # OpenAI's model that says who speaks
# OpenAI's models without turn detection: their programs commit without turning it off.
_COMMITTED = ("gpt-realtime-whisper", "gpt-live-transcribe")


class Session:
    """One session's configuration.

    Attributes:
        data: the object, as sent to the program.
    """

    def __init__(self, name: str, kind: str, model: str = "") -> None:
        self.data: Object = {
            "type": kind,
            "object": "realtime.session" if kind == "realtime" else "realtime.transcription_session",
            "id": name,
            "audio": {
                "input": {
                    "format": {"type": PCM, "rate": RATE},
                    "noise_reduction": None,
                    "transcription": {"model": model} if kind == "transcription" else None,
                    "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
                },
            },
            "include": None,
        }
        self._detection_chosen = False
        self._adapt(self.data, {})
        if kind == "realtime":
            self.data |= {"model": model, "output_modalities": ["audio"], "instructions": ""}
            self.data["audio"]["output"] = {"format": {"type": PCM, "rate": RATE}, "voice": "alloy", "speed": 1.0}

    def update(self, changes: Any) -> None:
        """Applies the `session` of a `session.update`, completely or not at all.

        Raises:
            ApiError: for a value that does not fit.
        """
        new = self._changed(changes)
        self._adapt(new, changes)
        if len(json.dumps(new, ensure_ascii=False)) > MAX_CHARACTERS:
            raise bad(f"A session has at most {MAX_CHARACTERS // 1024} KB.", "session")
        self.data = new

    def with_response(self, response: Mapping[str, Any]) -> Object:
        """Returns the session's data with the changes of `response.create` for one response.

        Raises:
            ApiError: for a value that does not fit.
        """
        return self._changed({name: response[name] for name in _RESPONSE if name in response})

    def _changed(self, changes: Any) -> Object:
        if not isinstance(changes, Mapping):
            raise bad("session must be an object.", "session")
        _refuse_old_names(changes)
        # Values are replaced, never changed, so that copies can share them.
        new = {**self.data, "audio": dict(self.data["audio"])}
        new |= {name: value for name, value in changes.items() if name in _KEYS and name != "audio"}
        audio = _object(changes.get("audio") or {}, "session.audio")
        for side, keys in _SIDES.items():
            part = _object(audio.get(side) or {}, f"session.audio.{side}")
            known = {name: value for name, value in part.items() if name in keys}
            if known or side in new["audio"]:
                new["audio"][side] = {**new["audio"].get(side, {}), **known}
        _check(new)
        return new

    def _adapt(self, new: Object, sent: Mapping[str, Any]) -> None:
        """Turns turn detection off for a model that has none, unless the program has chosen before."""
        audio_input = new["audio"]["input"]
        self._detection_chosen |= "turn_detection" in ((sent.get("audio") or {}).get("input") or {})
        model = (audio_input.get("transcription") or {}).get("model") or ""
        if not self._detection_chosen and model.startswith(_COMMITTED):
            audio_input["turn_detection"] = None

    @property
    def input(self) -> Object:
        """`audio.input`."""
        settings: Object = self.data["audio"]["input"]
        return settings

    @property
    def vad(self) -> bool:
        """True if hushd detects the turns; else the program commits them."""
        return self.input.get("turn_detection") is not None

    @property
    def logprobs(self) -> bool:
        """True if turns are sent with the probability of each word."""
        return bool(self.data.get("include"))

    def silence_s(self) -> float:
        """The seconds of silence that end a turn."""
        detection = self.input.get("turn_detection")
        if detection is None:
            return schema.SILENCE_S  # divides committed sound into sentences
        if detection.get("type") == "semantic_vad":
            return SILENCE_S[detection.get("eagerness") or "auto"]
        silence = detection.get("silence_duration_ms")
        return 0.5 if silence is None else max(0.1, float(silence) / 1000)

    def turn_end(self) -> str:
        """Returns the value for the request's field `turn_end`."""
        detection = self.input.get("turn_detection") or {}
        return schema.BY_MEANING if detection.get("type") == "semantic_vad" else schema.BY_SILENCE

    def transcription(self) -> Object:
        """`audio.input.transcription`: model, prompt, keywords and more; may be empty."""
        return self.input.get("transcription") or {}

    def options(self) -> Object:
        """Returns the transcription's options, for `AsyncClient.listen`."""
        transcription = self.transcription()
        options = parameters.options_of(TRANSCRIBE, HEARD.check(transcription))
        options["language"] = self.language() or None
        options["probabilities"] = self.logprobs
        options["diarize"] = options["diarize"] or transcription.get("model") == DIARIZING
        options["hotwords"] = [*fields.texts(transcription, "keywords"), *filter(None, [options["hotwords"]])] or None
        return options

    def language(self) -> str:
        """The language that the program names; empty if it names none or several, which the model must tell apart."""
        asked = self.transcription()
        several = fields.texts(asked, "languages")
        return asked.get("language") or (several[0] if len(several) == 1 else "")


def is_spoken(data: Mapping[str, Any]) -> bool:
    """Returns whether a response with these settings is spoken; else it is text alone."""
    return "audio" in (data.get("output_modalities") or ["audio"])


def coding(audio: Mapping[str, Any]) -> tuple[str, int]:
    """Returns the encoding and the rate in Hz of `audio.input` or `audio.output`."""
    form = audio.get("format") or {}
    kind = form.get("type", PCM)
    return kind, int(form.get("rate") or RATE) if kind == PCM else TELEPHONE_RATE


def _check(new: Object) -> None:
    fields.subset(new, "output_modalities", ("audio", "text"))
    for side in ("input", "output"):
        part = new["audio"].get(side, {})
        form = _object(part.get("format") or {}, f"session.audio.{side}.format")
        fields.choice(form, "type", FORMATS, PCM)
        fields.value(form, "rate", RATES)
    audio_input = new["audio"]["input"]
    transcription = _object(audio_input.get("transcription") or {}, "session.audio.input.transcription")
    fields.text(transcription, "model")
    HEARD.check(transcription)
    fields.choice(transcription, "delay", DELAYS, "low")
    fields.flag(transcription, "unstable")
    for name in ("languages", "keywords"):
        fields.texts(transcription, name)
    if set(fields.texts(new, "include")) - {LOGPROBS}:
        raise bad(f"include takes {LOGPROBS}.", "session.include")
    if audio_input.get("turn_detection") is not None:
        _check_detection(_object(audio_input["turn_detection"], "session.audio.input.turn_detection"))
    fields.value(new["audio"].get("output", {}), "speed", SYNTHESIZE.fields["speed"].kind)


def _check_detection(detection: Mapping[str, Any]) -> None:
    kind = fields.choice(detection, "type", ("server_vad", "semantic_vad"), "server_vad")
    if kind == "semantic_vad":
        fields.choice(detection, "eagerness", tuple(SILENCE_S), "auto")
    else:
        VAD.check(detection)


def _refuse_old_names(changes: Mapping[str, Any]) -> None:
    """Refuses the flat names of OpenAI's interface of 2024, which would otherwise be ignored silently."""
    for old, new in _OLD_NAMES.items():
        if old in changes:
            raise bad(f"{old} belongs to the interface that OpenAI ends in January 2027: send {new}.", f"session.{old}")


def _object(value: Any, param: str) -> Object:
    if not isinstance(value, Mapping):
        raise bad(f"{param} must be an object.", param)
    return dict(value)
