"""The tools, as a host's model sees them: few, each with its arguments explained.

The list of tools is part of every prompt, so it is kept short: no output schemas, whose fields explain themselves, and
no titles of arguments. The prefix of the names is for hosts that mix the tools of all servers without one of their own,
some of which refuse a name that occurs twice.
"""

from __future__ import annotations

import base64
import binascii
import inspect
import os
from collections.abc import Callable
from typing import Any

from hushd_protocol.errors import HushdError
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, ToolAnnotations

from . import work
from .answers import answer, refusal, with_message
from .arguments import (
    Audio,
    Cancel,
    Language,
    Path,
    Priority,
    Prompt,
    Segments,
    Silence,
    Speakers,
    Speed,
    Text,
    Ticket,
    Timeout,
    UntilSpoken,
    Voice,
    Wait,
)
from .calls import Calls

PREFIX = "hushd_"


class Tools:
    """The tools of one server.

    Args:
        local: whether the callers may name files of this computer.
    """

    def __init__(self, calls: Calls, *, local: bool = True) -> None:
        self._calls = calls
        self._local = local

    def all(self) -> list[Tool]:
        """The tools, in the order of their use."""
        # A host may run without asking what only reads: that must neither open the microphone nor end a call.
        return [
            _tool(self.say, "Say something aloud"),
            _tool(self.listen, "Listen to the person"),
            _tool(self.converse, "Ask aloud and get the answer"),
            _tool(self.transcribe, "Write down a recording", reads=True),
            _tool(self.voices, "Voices", reads=True),
            _tool(self.status, "Status", reads=True),
            _tool(self.result, "Result of a ticket"),
        ]

    async def say(
        self,
        context: Context,
        text: Text,
        voice: Voice = "",
        language: Language = "",
        speed: Speed = 1.0,
        priority: Priority = "text",
        wait: UntilSpoken = True,
    ) -> CallToolResult:
        """Speaks to the person at this computer; returns when they have heard it to its end.

        For news that should reach them away from the screen. Write as one speaks, in short sentences; Markdown marks
        are not read aloud. Waits while other programs speak. Cancelling the call silences it.

        Example: {"text": "The build is done, and all tests pass."}
        """
        speech = work.say(text, priority, _speaking(voice, language, speed))
        return await self._calls.carry_out(context, "say", speech, wait=wait)

    async def listen(
        self,
        context: Context,
        timeout: Timeout = 30.0,
        silence: Silence = 0.8,
        language: Language = "",
        prompt: Prompt = "",
        priority: Priority = "text",
    ) -> CallToolResult:
        """Listens to the microphone until the person has spoken and pauses; returns their words.

        To ask something first, use `hushd_converse`.

        Example: {"timeout": 60, "prompt": "hushd, systemd"}
        """
        options = _only(no_speech_s=timeout, silence_s=silence, language=language, prompt=prompt)
        return await self._calls.carry_out(context, "listen", work.listen(priority, options))

    async def converse(
        self,
        context: Context,
        text: Text,
        voice: Voice = "",
        speed: Speed = 1.0,
        timeout: Timeout = 30.0,
        silence: Silence = 0.8,
        language: Language = "",
        prompt: Prompt = "",
        priority: Priority = "text",
    ) -> CallToolResult:
        """Asks the person something aloud, listens, and returns their answer: one turn of a conversation.

        Where that takes longer than a call may, the answer is a ticket for `hushd_result`; the person still has all
        their time.

        Example: {"text": "Shall I delete the old backups?", "timeout": 20}
        """
        listening = _only(no_speech_s=timeout, silence_s=silence, language=language, prompt=prompt)
        turn = work.converse(text, priority, _speaking(voice, language, speed), listening)
        return await self._calls.carry_out(context, "converse", turn)

    async def transcribe(
        self,
        context: Context,
        path: Path = "",
        audio: Audio = "",
        language: Language = "",
        prompt: Prompt = "",
        speakers: Speakers = False,
        segments: Segments = False,
    ) -> CallToolResult:
        """Writes down the speech in a recording; a long one is answered with a ticket for `hushd_result`.

        Example: {"path": "~/meeting.wav", "speakers": true}
        """
        try:
            source = self._recording(path, audio)
        except HushdError as error:
            return refusal(error)
        options = _only(language=language, prompt=prompt, diarize=speakers)
        reading = work.transcribe(source, bool(segments or speakers), options)
        return await self._calls.carry_out(context, "transcribe", reading)

    async def voices(self, context: Context, language: Language = "") -> CallToolResult:
        """Lists the voices for `hushd_say` and `hushd_converse`, all or those of a language."""

        def ask() -> CallToolResult:
            from hushd.client import Client
            from hushd.synthesis.voices import speaking

            with Client(holder=self._calls.holder(context)) as client:
                known = client.voices()
            entries = [
                {
                    "name": v.name,
                    "language": v.language,
                    "engine": v.engine,
                    "gender": v.gender,
                    "installed": v.installed,
                }
                for v in (speaking(known, language) if language else known)
            ]
            if not entries:
                return with_message("There is no voice for that language.", {"voices": []})
            return answer("\n".join(map(_line, entries)), {"voices": entries})

        return await self._calls.ask(ask)

    async def status(self, context: Context) -> CallToolResult:
        """Reports the speech workers and their memory, the speaker, the listener, and calls not yet done."""
        calls = [
            {"tool": PREFIX + task.kind, "state": task.state, "ticket": task.ticket}
            for task in self._calls.tasks.under_way()
        ]

        def ask() -> CallToolResult:
            from hushd.client import Client
            from hushd.status_table import table

            found: dict[str, Any] = {}
            text = "hushd does not run: it starts with the first request.\n"
            try:
                with Client(holder=self._calls.holder(context), start=False) as client:
                    found = client.status()
                text = table(found, 100)
            except HushdError as error:
                if error.code != "no_supervisor":
                    raise
            text += "".join(f"{call['tool']}: {call['state']}, ticket {call['ticket']}\n" for call in calls)
            return answer(text, found | {"running": bool(found), "calls": calls})

        return await self._calls.ask(ask)

    async def result(
        self,
        context: Context,
        ticket: Ticket,
        wait: Wait = 3600.0,
        cancel: Cancel = False,
    ) -> CallToolResult:
        """Waits for a call that was answered with a ticket; returns its result, or its state and the words so far.

        Call it again while the answer has a ticket.

        Example: {"ticket": "9f86d081"}
        """
        try:
            task = self._calls.tasks.find(ticket)
        except HushdError as error:
            return refusal(error)
        if cancel:
            task.end()
        found = await self._calls.attend(context, task, wait)
        ended = cancel and task.state == "cancelled"
        return with_message("It was ended.", {"state": "cancelled"}) if ended else found

    # --- inside ------------------------------------------------------------------------------------------------------

    def _recording(self, path: str, audio: str) -> str | bytes:
        if bool(path) == bool(audio):
            raise HushdError("bad_request", "Give either path or audio.")
        if audio:
            try:
                return base64.b64decode("".join(audio.rpartition(",")[2].split()), validate=True)
            except (binascii.Error, ValueError) as error:
                raise HushdError("bad_request", "audio is not valid base64.") from error
        if not self._local:
            raise HushdError("bad_request", "Files cannot be named over the network: send audio instead of path.")
        name = os.path.expanduser(path.removeprefix("file://"))
        if not os.path.isabs(name):
            raise HushdError("bad_request", f"{path!r} is not an absolute path, and hosts start this server anywhere.")
        return name


def _tool(function: Callable[..., Any], title: str, *, reads: bool = False) -> Tool:
    """A tool of the list, under the name and with the docstring of its method."""
    name = PREFIX + function.__name__
    hints = ToolAnnotations(read_only_hint=reads, destructive_hint=False, idempotent_hint=reads, open_world_hint=False)
    described = (inspect.getdoc(function) or "").strip()
    made = Tool.from_function(function, name, title, described, annotations=hints, structured_output=False)
    made.parameters = {
        "type": "object",
        "properties": {argument: _untitled(schema) for argument, schema in made.parameters["properties"].items()},
        "additionalProperties": False,
    } | {key: made.parameters[key] for key in ("required",) if key in made.parameters}
    return made


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "title"}


def _line(voice: dict[str, Any]) -> str:
    """A voice as a line of the list."""
    missing = "" if voice["installed"] else "not installed"
    facts = (voice["language"], voice["gender"], voice["engine"], missing)
    return f"{voice['name']}: {', '.join(filter(None, facts))}"


def _speaking(voice: str, language: str, speed: float) -> dict[str, Any]:
    return _only(voice=voice, language=language, speed=speed, markup="markdown")


def _only(**options: Any) -> dict[str, Any]:
    """The options that have a value."""
    return {name: value for name, value in options.items() if value not in ("", False)}
