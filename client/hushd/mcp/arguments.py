"""The arguments of the tools: types, limits, and the descriptions that a host's model reads.

Numbers and booleans may come as strings, as several hosts send them. Defaults and limits are in the descriptions too,
since several hosts strip them from the schema.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field


def or_else(default: object) -> BeforeValidator:
    """`default` for an argument that a host fills in where its model left it out: null, or a string that means it."""

    def given(value: object) -> object:
        nothing = value is None or (isinstance(value, str) and value.strip().lower() in ("", "none", "null"))
        return default if nothing else value

    return BeforeValidator(given)


def _seconds(least: float, most: float) -> Any:
    return Field(ge=least, le=most, allow_inf_nan=False)


Text = Annotated[str, Field(description="Text to speak, in whole sentences.")]
Voice = Annotated[str, or_else(""), Field(description="A name from `hushd_voices` (default: the usual voice).")]
Speed = Annotated[float, Field(ge=0.25, le=4), or_else(1.0), Field(description="Pace, 0.25 to 4 (default 1).")]
Language = Annotated[str, or_else(""), Field(description="Language spoken, such as en or de (default: any).")]
Priority = Annotated[
    Literal["important", "message", "text", "notification", "progress"],
    or_else("text"),
    Field(
        description="Rank among programs that want to speak (default text): equals queue, important and message "
        "interrupt lower ones."
    ),
]
Timeout = Annotated[
    float,
    _seconds(1, 3600),
    or_else(30.0),
    Field(description="Seconds in which the person must begin to speak, 1 to 3600 (default 30)."),
]
Silence = Annotated[
    float,
    _seconds(0.2, 10),
    or_else(0.8),
    Field(description="Seconds of silence that end the utterance, 0.2 to 10 (default 0.8)."),
]
Prompt = Annotated[str, or_else(""), Field(description="Names and rare words to expect, for their spelling.")]
Path = Annotated[
    str, or_else(""), Field(description="A sound or video file on this computer: absolute path, or one with ~.")
]
Audio = Annotated[str, or_else(""), Field(description="Instead of `path`: the file's bytes in base64.")]
Speakers = Annotated[bool, or_else(False), Field(description="true: label who speaks (default false).")]
Segments = Annotated[bool, or_else(False), Field(description="true: add times for each sentence (default false).")]
UntilSpoken = Annotated[
    bool, or_else(True), Field(description="false: return at once and go on speaking (default true).")
]
Ticket = Annotated[str, Field(description="Ticket from an earlier answer.")]
Wait = Annotated[
    float,
    _seconds(0, 3600),
    or_else(3600.0),
    Field(description="Seconds to wait for the end, 0 to 3600 (default: as long as a call may take)."),
]
Cancel = Annotated[bool, or_else(False), Field(description="true: end that call at once (default false).")]
