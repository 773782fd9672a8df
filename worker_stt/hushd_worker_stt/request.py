"""What a client may ask of `transcribe`, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from hushd_protocol.errors import HushdError


@dataclass(frozen=True, slots=True)
class Request:
    """The parameters of one job.

    Attributes:
        format: `file`, by its content, or `s16le`: raw samples, interleaved.
        rate: of s16le, in Hz.
        channels: of s16le.
        language: a tag such as `en` or `en-GB`; None: the model's first.
        live: somebody speaks now; the job ends with their utterance. Always s16le.
        silence_s: quiet that ends a live utterance.
        no_speech_s: time to begin speaking in, live.
    """

    format: str = "file"
    rate: int = 16_000
    channels: int = 1
    language: str | None = None
    live: bool = False
    silence_s: float = 0.8
    no_speech_s: float = 30.0

    @classmethod
    def parse(cls, params: Mapping[str, Any], languages: tuple[str, ...]) -> Request:
        """Reads a job's `params` for a model that hears `languages`.

        Raises:
            HushdError: `bad_request`, naming the parameter and what it may be.
        """
        known = [field.name for field in fields(cls)]
        for name in params:
            if name not in known:
                close = get_close_matches(str(name), known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"it knows {', '.join(known)}."
                raise HushdError("bad_request", f"transcribe has no parameter {name!r}: {hint}")
        live = _flag(params, "live")
        form = params.get("format", "s16le" if live else "file")
        if form not in ("file", "s16le"):
            raise HushdError("bad_request", f"format is 'file' or 's16le', not {form!r}.")
        if live and form != "s16le":
            raise HushdError("bad_request", "live audio has the format 's16le', not 'file'.")
        return cls(
            format=form,
            rate=int(_number(params, "rate", 16_000, 1_000, 768_000, whole=True)),
            channels=int(_number(params, "channels", 1, 1, 64, whole=True)),
            language=_language(params.get("language"), languages),
            live=live,
            silence_s=_number(params, "silence_s", 0.8, 0.1, 60),
            no_speech_s=_number(params, "no_speech_s", 30.0, 0.1, 86_400),
        )


def _flag(params: Mapping[str, Any], name: str) -> bool:
    value = params.get(name, False)
    if not isinstance(value, bool):
        raise HushdError("bad_request", f"{name} is true or false, not {value!r}.")
    return value


def _number(
    params: Mapping[str, Any], name: str, default: float, low: float, high: float, whole: bool = False
) -> float:
    value = params.get(name, default)
    good = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise HushdError("bad_request", f"{name} is {kind} from {low:g} to {high:g}, not {value!r}.")
    return float(value)


def _language(value: object, languages: tuple[str, ...]) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        language = value.lower().replace("_", "-").split("-")[0]
        if language in languages:
            return language
    raise HushdError("bad_request", f"This model hears {', '.join(languages)}, not {value!r}.")
