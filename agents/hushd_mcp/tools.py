"""The tools for a host's model: few, each with its arguments explained.

The list of tools is part of every prompt, so it is kept short: no output schemas, whose fields explain themselves, and
no titles of arguments. The names have a prefix for hosts that mix the tools of all servers, some of which refuse a name
that occurs twice.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature, signature
from typing import Any

from hushd.client import Client
from hushd.reports.status_table import table
from hushd_models import preferences
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.names import by_session
from hushd_protocol.system import paths, uploads
from hushd_schema.operations import LIVE, RECORDED
from hushd_schema.operations.synthesize import SYNTHESIZE
from hushd_schema.operations.transcribe import TRANSCRIBE
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, ToolAnnotations

from hushd_mcp.answers import of_language, summary
from hushd_mcp.arguments import DESCRIPTIONS
from hushd_mcp.greeting import USUAL_LANGUAGES

from . import arguments, work
from .answers import answer, refusal, with_message
from .arguments import Argument, Cancel, Language, Path, Priority, Segments, Text, Ticket, UntilSpoken, Wait
from .calls import Calls

PREFIX = "hushd_"
_SENDING = "send the file by `curl -F file=@FILE` to /mcp/files of this server, and name the `path` in its answer"
# One person answers.
_HEARD = arguments.of(TRANSCRIBE, LIVE)
_READ = arguments.of(TRANSCRIBE, RECORDED)
_SPOKEN = arguments.of(SYNTHESIZE)
_CONVERSED = {name: argument for name, argument in _SPOKEN.items() if name not in _HEARD} | _HEARD


class Tools:
    """The tools of one session."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self) -> list[Tool]:
        """Returns the tools, in the usual order of their use; their descriptions name the user's languages."""
        # A host may run read-only tools without confirmation: these must neither open the microphone nor end a call.
        return [
            _tool(self.say, "Say something aloud", _SPOKEN),
            _tool(self.listen, "Listen to the person", _HEARD),
            _tool(self.converse, "Ask aloud and get the answer", _CONVERSED),
            _tool(self.transcribe, "Write down a recording", _READ, reads=True),
            _tool(self.voices, "Voices", reads=True),
            _tool(self.status, "Status", reads=True),
            _tool(self.result, "Result of a ticket"),
        ]

    async def say(
        self, context: Context, text: Text, *, priority: Priority = "text", wait: UntilSpoken = True, **asked: Any
    ) -> CallToolResult:
        speech = work.say(text, priority, self._speaking(asked))
        return await self._calls.carry_out(context, "say", speech, wait=wait)

    async def listen(self, context: Context, *, priority: Priority = "text", **asked: Any) -> CallToolResult:
        hearing = work.listen(priority, arguments.options(_HEARD, asked))
        return await self._calls.carry_out(context, "listen", hearing)

    async def converse(
        self, context: Context, text: Text, *, priority: Priority = "text", **asked: Any
    ) -> CallToolResult:
        # The question is spoken in the language of the answer.
        turn = work.converse(text, priority, self._speaking(asked), arguments.options(_HEARD, asked))
        return await self._calls.carry_out(context, "converse", turn)

    async def transcribe(
        self, context: Context, path: Path, *, segments: Segments = False, **asked: Any
    ) -> CallToolResult:
        try:
            source = _recording(path, context.headers)
        except HushdError as error:
            return refusal(error)
        options = arguments.options(_READ, asked)
        reading = work.transcribe(source, bool(segments or options.get("diarize")), options)
        return await self._calls.carry_out(context, "transcribe", reading)

    def _speaking(self, asked: Mapping[str, Any]) -> JsonObject:
        options = arguments.options(_SPOKEN, asked)
        return {**options, "markup": "markdown", **by_session(self._calls.voice, options)}

    async def voices(self, context: Context, language: Language = "") -> CallToolResult:

        def ask() -> CallToolResult:
            with Client(holder=self._calls.holder(context)) as client:
                known = client.voices()
            text, data = of_language(known, language) if language else summary(known)
            return answer(text, data) if data["voices"] or "languages" in data else with_message(text, data)

        return await self._calls.ask(ask)

    async def status(self, context: Context) -> CallToolResult:
        tasks = self._calls.tasks.under_way()
        calls = [{"tool": PREFIX + task.kind, "state": task.state, "ticket": task.ticket} for task in tasks]

        def ask() -> CallToolResult:
            facts: JsonObject = {}
            text = "hushd does not run: it starts with the first request.\n"
            try:
                with Client(holder=self._calls.holder(context), start=False) as client:
                    status = client.status()
                text, facts = table(status, 100), status.data()
            except HushdError as error:
                if error.code != "no_supervisor":
                    raise
            text += "".join(f"{call['tool']}: {call['state']}, ticket {call['ticket']}\n" for call in calls)
            return answer(text, facts | {"running": bool(facts), "calls": calls})

        return await self._calls.ask(ask)

    async def result(
        self, context: Context, ticket: Ticket, wait: Wait = 3600.0, cancel: Cancel = False
    ) -> CallToolResult:
        try:
            task = self._calls.tasks.find(ticket)
        except HushdError as error:
            return refusal(error)
        if cancel:
            task.end()
        state = await self._calls.attend(context, task, wait)
        ended = cancel and task.state == "cancelled"
        return with_message("It was ended.", {"state": "cancelled"}) if ended else state


def _recording(path: str, headers: Mapping[str, str] | None) -> str:
    """Returns the file that a call names; `headers`: of its request, in which the gateway says what it may open."""
    if path.startswith(uploads.SCHEME + uploads.PREFIX) and "/" not in path:
        return os.path.join(uploads.folder(), path.removeprefix(uploads.SCHEME))
    if headers is not None and uploads.LOCAL not in headers:
        raise HushdError("bad_request", f"{path!r} is not on hushd's machine: {_SENDING}.")
    name = os.path.expanduser(path.removeprefix("file://"))
    if not os.path.isabs(name):
        raise HushdError("bad_request", f"{path!r} is not an absolute path, and hosts start this server anywhere.")
    if _waits(name):
        raise HushdError("bad_request", f"{path!r} is no file: name a recording, not a pipe or a device.")
    return name


def _waits(name: str) -> bool:
    """Returns whether reading `name` may block forever, since it exists and is neither a file nor a folder."""
    try:
        mode = os.stat(name).st_mode
    except (OSError, ValueError):
        return False  # the reader's error is clearer
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _tool(
    function: Callable[..., Any], title: str, fields: Mapping[str, Argument] | None = None, *, reads: bool = False
) -> Tool:
    """Returns a tool, under the name of its method.
    `fields`: the arguments that the method takes by `**asked`; they follow its named ones."""
    name, languages = PREFIX + function.__name__, preferences.languages_named(paths.find().config)
    hints = ToolAnnotations(read_only_hint=reads, destructive_hint=False, idempotent_hint=reads, open_world_hint=False)
    called = _taking(function, fields or {})
    made = Tool.from_function(
        called, name, title, DESCRIPTIONS[function.__name__], annotations=hints, structured_output=False
    )
    made.parameters = {
        "type": "object",
        "properties": {name: _shown(schema, languages) for name, schema in made.parameters["properties"].items()},
        "additionalProperties": False,
    } | {key: made.parameters[key] for key in ("required",) if key in made.parameters}
    return made


def _shown(schema: JsonObject, languages: str) -> JsonObject:
    """Returns an argument's schema without its title, and with the user's languages in its description."""
    described = {"description": schema["description"].replace(USUAL_LANGUAGES, languages)}
    return {key: value for key, value in (schema | described).items() if key != "title"}


def _taking(function: Callable[..., Any], fields: Mapping[str, Argument]) -> Callable[..., Any]:
    """Returns `function` with the fields added to the signature that the SDK reads."""
    own = [
        each for each in signature(function, eval_str=True).parameters.values() if each.kind != Parameter.VAR_KEYWORD
    ]
    placed = [each for each in own if each.kind != Parameter.KEYWORD_ONLY]
    asked = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=argument.default, annotation=argument.kind)
        for name, argument in fields.items()
    ]

    async def call(**given: Any) -> Any:
        return await function(**given)

    parameters = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in (*placed, *asked, *own[len(placed) :])]
    call.__name__ = function.__name__
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return call
