"""The tools, as a host's model sees them: few, each with its arguments explained."""

from __future__ import annotations

import base64
import binascii
import inspect
import os
from typing import TYPE_CHECKING, Annotated, Any

from hushd_protocol.errors import HushdError
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult, ToolAnnotations

from . import tasks
from .answers import Answer, Pending, Status, VoiceEntry, Voices, answer, refusal
from .arguments import (
    Audio,
    Cancel,
    Language,
    Path,
    Patient,
    Priority,
    Prompt,
    Segments,
    Silence,
    Speakers,
    Speed,
    Text,
    Ticket,
    Timeout,
    Voice,
    Wait,
)
from .calls import Calls

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

Structured = Annotated[CallToolResult, Answer]


class Tools:
    """The tools of one server.

    Args:
        local: whether who asks may name files of this computer.
    """

    def __init__(self, calls: Calls, *, local: bool = True) -> None:
        self._calls = calls
        self._local = local

    def register(self, server: MCPServer) -> None:
        """Adds them to `server`."""
        # A host may run without asking what only reads: that must not open the microphone.
        for tool, title, reads, again in (
            (self.say, "Say something aloud", False, False),
            (self.listen, "Listen to the person", False, False),
            (self.converse, "Ask aloud and hear the answer", False, False),
            (self.transcribe, "Write down a recording", True, True),
            (self.voices, "Voices", True, True),
            (self.status, "Status", True, True),
            (self.result, "Result of a ticket", True, True),
        ):
            server.add_tool(
                tool,
                title=title,
                description=inspect.getdoc(tool),
                annotations=ToolAnnotations(
                    title=title,
                    read_only_hint=reads,
                    destructive_hint=False,
                    idempotent_hint=again,
                    open_world_hint=False,
                ),
                structured_output=True,
            )

    async def say(
        self,
        context: Context,
        text: Text,
        voice: Voice = "",
        language: Language = "",
        speed: Speed = 1.0,
        priority: Priority = "text",
        wait: Patient = True,
    ) -> Structured:
        """Speaks to the person at this computer through its loudspeaker; returns once it was heard to its end.

        For what should reach them when they do not look at the screen. Write as one speaks, in short
        sentences; of Markdown the marks are not read aloud. Other programs that speak are waited for, so that nobody
        talks over anybody. Cancelling the call is silence.

        Examples: {"text": "The build is done, and all tests pass."}, or, to work on meanwhile,
        {"text": "I am looking into it.", "wait": false}.
        """
        work = tasks.say(text, priority, _speaking(voice, language, speed))
        return await self._calls.carry_out(context, "say", work, wait=wait)

    async def listen(
        self,
        context: Context,
        timeout: Timeout = 30.0,
        silence: Silence = 0.8,
        language: Language = "",
        prompt: Prompt = "",
        priority: Priority = "text",
    ) -> Structured:
        """Listens to the microphone until the person has said something and pauses; returns their words.

        To ask something first, use `converse`.

        Examples: {}, {"timeout": 60, "prompt": "hushd, systemd"}.
        """
        options = _only(no_speech_s=timeout, silence_s=silence, language=language, prompt=prompt)
        return await self._calls.carry_out(context, "listen", tasks.listen(priority, options))

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
    ) -> Structured:
        """Says something, then listens, and returns what the person answers: one turn of a spoken conversation.

        The loudspeaker and the microphone are kept for the whole turn. It may take longer than a call should: then
        the answer is a ticket for `result`, and the person still has all their time.

        Example: {"text": "Shall I delete the old backups?", "timeout": 20}.
        """
        listening = _only(no_speech_s=timeout, silence_s=silence, language=language, prompt=prompt)
        work = tasks.converse(text, priority, _speaking(voice, language, speed), listening)
        return await self._calls.carry_out(context, "converse", work)

    async def transcribe(
        self,
        context: Context,
        path: Path = "",
        audio: Audio = "",
        language: Language = "",
        prompt: Prompt = "",
        speakers: Speakers = False,
        segments: Segments = False,
    ) -> Structured:
        """Writes down what is said in a recording. Long ones are answered with a ticket for `result`.

        Examples: {"path": "/home/ann/interview.mp3"}, {"path": "~/meeting.wav", "speakers": true, "segments": true}.
        """
        try:
            source = self._recording(path, audio)
        except HushdError as error:
            return refusal(error.message, "failed")
        options = _only(language=language, prompt=prompt, diarize=speakers)
        work = tasks.transcribe(source, bool(segments or speakers), options)
        return await self._calls.carry_out(context, "transcribe", work)

    async def voices(self, context: Context, language: Language = "") -> Annotated[CallToolResult, Voices]:
        """Lists the voices that `say` and `converse` can speak with, all or those of a language.

        Example: {"language": "en"}.
        """

        def ask() -> CallToolResult:
            from hushd.client import Client
            from hushd.synthesis.voices import speaking

            with Client(holder=self._calls.holder(context)) as client:
                known = client.voices()
            entries = [
                VoiceEntry(name=v.name, language=v.language, engine=v.engine, gender=v.gender, installed=v.installed)
                for v in (speaking(known, language) if language else known)
            ]
            lines = [
                ", ".join(
                    part for part in (v.language, v.gender, v.engine, "" if v.installed else "not installed") if part
                )
                for v in entries
            ]
            text = "\n".join(f"{entry.name}: {line}" for entry, line in zip(entries, lines, strict=True))
            return answer(text or "There is no voice for that.", Voices(voices=entries))

        return await self._calls.ask(ask)

    async def status(self, context: Context) -> Annotated[CallToolResult, Status]:
        """Tells which speech workers run, how much memory they have, who speaks or listens, and calls not yet done."""
        pending = [Pending(ticket=e.ticket, tool=e.kind, state=e.state) for e in self._calls.desk.under_way()]  # type: ignore[arg-type]

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
            text += "".join(f"{call.tool}: {call.state}, ticket {call.ticket}\n" for call in pending)
            calls = [call.model_dump() for call in pending]
            return answer(text, found | {"running": bool(found), "calls": calls})

        return await self._calls.ask(ask)

    async def result(
        self,
        context: Context,
        ticket: Ticket,
        wait: Wait = 3600.0,
        cancel: Cancel = False,
    ) -> Structured:
        """Waits for a call that was answered with a ticket; returns its result, or how far it is and what was heard.

        Ask again while the answer has a ticket.

        Examples: {"ticket": "9f86d081"}, {"ticket": "9f86d081", "cancel": true}.
        """
        try:
            task = self._calls.desk.find(ticket)
        except HushdError as error:
            return refusal(error.message)
        if cancel:
            task.stop()
        found = await self._calls.attend(context, task, wait)
        return answer("It was ended.", {"state": "cancelled"}) if cancel and task.state == "cancelled" else found

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


def _speaking(voice: str, language: str, speed: float) -> dict[str, Any]:
    return _only(voice=voice, language=language, speed=speed, markup="markdown")


def _only(**options: Any) -> dict[str, Any]:
    """The options that say something."""
    return {name: value for name, value in options.items() if value not in ("", False)}
