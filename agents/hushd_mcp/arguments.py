"""The arguments of the tools: types, limits, and the descriptions that a host's model reads.

Numbers and booleans may come as strings, as several hosts send them. Defaults and limits are in the descriptions too,
since several hosts strip them from the schema. The tools' own are constants: Python drops docstrings under -OO.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from hushd_protocol import JsonObject
from hushd_schema.kinds import plain, schema
from hushd_schema.operations import EITHER, LIVE, Operation
from pydantic import BeforeValidator, Field

DESCRIPTIONS = {
    "say": """Speaks to the person at this computer; returns when they have heard it to its end.

For news that should reach them away from the screen. Write as one speaks, in short sentences; Markdown marks
are not read aloud. Waits while other programs speak. Cancelling the call silences it.

Example: {"text": "The build is done, and all tests pass."}""",
    "listen": """Listens to the microphone until the person has spoken and pauses; returns their words.

To ask something first, use `hushd_converse`.

Example: {"timeout": 60, "prompt": "hushd, systemd"}""",
    "converse": """Asks the person something aloud, listens, and returns their answer: one turn of a conversation.

Where that takes longer than a call may, the answer is a ticket for `hushd_result`; the person still has all
their time.

Example: {"text": "Shall I delete the old backups?", "timeout": 20}""",
    "transcribe": """Writes down the speech in a recording; a long one is answered with a ticket for `hushd_result`.

Example: {"path": "~/meeting.wav", "speakers": true}""",
    "voices": "Lists the voices for `hushd_say` and `hushd_converse`: those of a language, or a summary of all.",
    "status": "Reports the speech workers and their memory, the speaker, the listener, and calls not yet done.",
    "result": """\
Waits for a call that was answered with a ticket; returns its result, or its state and the words so far.

Call it again while the answer has a ticket.

Example: {"ticket": "9f86d081"}""",
}


def or_else(default: object) -> BeforeValidator:
    """Returns a validator that reads null, or a string that means it, as `default`: hosts send these for missing
    arguments."""

    def given(value: object) -> object:
        nothing = value is None or (isinstance(value, str) and value.strip().lower() in ("", "none", "null"))
        return default if nothing else value

    return BeforeValidator(given)


class Argument(NamedTuple):
    """A tool's argument, which is a field of an operation."""

    field: str
    kind: Any
    default: object


def of(operation: Operation, sound: str = EITHER) -> dict[str, Argument]:
    """Returns an operation's fields as arguments, by the argument's name; those of only one kind of sound first."""
    arguments = {}
    for field, argument in operation.names_in("mcp", sound).items():
        declared = argument.kind or operation.fields[field].kind
        kind, form = plain(declared), schema(declared)
        default = kind() if argument.default is None else argument.default
        bounds: Any = {"allow_inf_nan": False} if kind is float else {}
        bounds |= {key: form[bound] for key, bound in (("ge", "minimum"), ("le", "maximum")) if bound in form}
        explained = Annotated[kind, Field(**bounds), or_else(default), Field(description=argument.about)]  # type: ignore[valid-type]
        arguments[argument.name or field] = Argument(field, explained, default)
    return dict(sorted(arguments.items(), key=lambda each: operation.fields[each[1].field].sound != LIVE))


def options(arguments: Mapping[str, Argument], given: Mapping[str, Any]) -> JsonObject:
    """Returns the fields for the `given` arguments that have a value."""
    values = {argument.field: given.get(name, argument.default) for name, argument in arguments.items()}
    return {field: value for field, value in values.items() if value not in ("", False)}


def _seconds(least: float, most: float) -> Any:
    return Field(ge=least, le=most, allow_inf_nan=False)


Text = Annotated[str, Field(description="Text to speak, in whole sentences.")]
Priority = Annotated[
    Literal["important", "message", "text", "notification", "progress"],
    or_else("text"),
    Field(
        description="Rank among programs that want to speak (default text): equals queue, important and message "
        "interrupt lower ones."
    ),
]
Language = Annotated[str, or_else(""), Field(description="Language spoken, such as en or de (default: any).")]
Path = Annotated[str, Field(description="A sound or video file on this computer: absolute path, or one with ~.")]
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
