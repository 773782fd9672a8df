"""The options of transcription as a request carries them."""

from __future__ import annotations

from typing import Any

from hushd_protocol import JsonObject
from hushd_schema.operations import given
from hushd_schema.operations.transcribe import BY_SILENCE, OPTIONS, SILENCE_S, TranscribeOptions

# What holds for the options of live audio that are left out; a request carries the first four in any case.
LIVE = {
    "rate": 16_000, "channels": 1, "continuous": False, "silence_s": SILENCE_S,
    "no_speech_s": None, "turn_end": BY_SILENCE, "until": None,
}  # fmt: skip
_ALWAYS = ("rate", "channels", "continuous", "silence_s")


def transcribe_params(options: TranscribeOptions) -> JsonObject:
    """Returns the options as a request carries them, without those that are left out.

    Raises:
        TypeError: for a name that is not an option.
    """
    params = given("transcribe", options, OPTIONS)
    if not isinstance(hotwords := params.get("hotwords", ""), str):
        params["hotwords"] = ", ".join(hotwords)
    if clips := list(params.pop("clips", ())):
        params["clips"] = clips
    return params


def take_live_params(options: dict[str, Any]) -> JsonObject:
    """Takes the options of live audio out of those of `Client.listen`; returns them as a request carries them."""
    values = {name: options.pop(name, default) for name, default in LIVE.items()}
    live = {name: value for name, value in values.items() if name in _ALWAYS or value != LIVE[name]}
    return {"format": "s16le", "live": True} | live
