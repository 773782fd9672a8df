"""The options that `transcribe` and `transcribe_stream` share."""

from __future__ import annotations

from typing import Any, cast

from hushd_protocol import JsonObject
from hushd_schema.operation import given
from hushd_schema.operations.transcribe import BY_SILENCE, OPTIONS, TranscribeOptions


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


def with_former_names(options: TranscribeOptions, *values: Any) -> Any:
    """Takes the arguments of a second pass out of `options`, by which a program calls them as they were called once."""
    given = cast(dict[str, Any], options)
    return [given.pop(name, value) for name, value in zip(("fair", "fair_each", "fair_options"), values, strict=True)]


def live_params(
    options: TranscribeOptions,
    *,
    rate: int,
    channels: int,
    continuous: bool,
    silence_s: float,
    turn_end: str,
    until: str | None,
    no_speech_s: float | None,
    echo: bool,
) -> JsonObject:
    """Returns the parameters of live audio. Arguments: those of `Client.listen`. Raises as `transcribe_params`."""
    params = transcribe_params(options) | {
        "format": "s16le", "rate": rate, "channels": channels,
        "live": True, "continuous": continuous, "silence_s": silence_s,
    }  # fmt: skip
    if no_speech_s is not None:
        params["no_speech_s"] = no_speech_s
    if turn_end != BY_SILENCE:
        params["turn_end"] = turn_end
    if until is not None:
        params["until"] = until
    if echo:
        params["echo"] = True
    return params
