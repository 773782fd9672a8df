"""The arguments of the tools: types, limits, and what a host's model reads about them.

Numbers and booleans may come as strings, as several hosts send them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field


def or_else(default: object) -> BeforeValidator:
    """`default` for what hosts fill in where their model leaves an argument out: null, or a string that means it."""

    def given(value: object) -> object:
        nothing = value is None or (isinstance(value, str) and value.strip().lower() in ("", "none", "null"))
        return default if nothing else value

    return BeforeValidator(given)


def _seconds(least: float, most: float) -> Any:
    return Field(ge=least, le=most, allow_inf_nan=False)


Text = Annotated[str, Field(description="What to say, in whole sentences.", examples=["The tests pass."])]
Voice = Annotated[str, or_else(""), Field(description="Who speaks: a name from `voices`; empty: the usual one.")]
Speed = Annotated[
    float, Field(ge=0.25, le=4), or_else(1.0), Field(description="Pace: 1 is natural, 1.5 half again as fast.")
]
Language = Annotated[str, or_else(""), Field(description="What is spoken, as a tag such as en or de; empty: any.")]
Priority = Annotated[
    Literal["important", "message", "text", "notification", "progress"],
    or_else("text"),
    Field(
        description="Who is heard first when several want to speak. Equal ones queue; important and message interrupt "
        "what is lower."
    ),
]
Timeout = Annotated[
    float, _seconds(1, 3600), or_else(30.0), Field(description="Seconds in which the person must begin to speak.")
]
Silence = Annotated[
    float, _seconds(0.2, 10), or_else(0.8), Field(description="Seconds of silence that end what they say.")
]
Prompt = Annotated[str, or_else(""), Field(description="Names and rare words that may come up, to spell them right.")]
Path = Annotated[
    str, or_else(""), Field(description="A sound or video file on this computer: an absolute path, or one with ~.")
]
Audio = Annotated[str, or_else(""), Field(description="Or the bytes of such a file, in base64.")]
Speakers = Annotated[bool, or_else(False), Field(description="Whether to tell who speaks.")]
Segments = Annotated[bool, or_else(False), Field(description="Whether to give the times of each sentence too.")]
Patient = Annotated[bool, or_else(True), Field(description="false: returns at once, while it is spoken.")]
Ticket = Annotated[str, Field(description="From an earlier answer.", examples=["9f86d081"])]
Wait = Annotated[
    float,
    _seconds(0, 3600),
    or_else(3600.0),
    Field(description="Seconds to wait for its end, or as long as a call may."),
]
Cancel = Annotated[bool, or_else(False), Field(description="true: ends it at once, with silence.")]
