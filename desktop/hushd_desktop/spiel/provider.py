"""The provider on the session bus: answers calls, writes speech into their pipes, and leaves when it is idle."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from hushd.client import Client
from hushd_protocol.errors import HushdError
from jeepney import HeaderFields, Message, MessageType, message_bus, new_error, new_method_return
from jeepney.io.blocking import DBusConnection

from . import interface

# Longer than the second and a half of speech that a pipe holds: libspiel takes a provider that leaves for one that has
# died, and ends the utterance that it plays.
IDLE_S = 60.0
MOST = 64  # pipes at once
PRIORITY = "important"  # a person who reads by ear waits for no program
_DO_NOT_QUEUE = 4
_OWNER = 1
_ERROR = "org.freedesktop.DBus.Error"


class Refusal(Exception):
    """An error of D-Bus: the end of its name, and a sentence."""


class Provider:
    """The object that Spiel's clients call.

    Args:
        connection: to the session bus, with descriptors.
        idle_s: after the last call and the end of the last speech, until the name is given up.
        now: seconds of any clock that only goes on.
    """

    def __init__(
        self,
        connection: DBusConnection,
        client: Client,
        idle_s: float = IDLE_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection, self._client = connection, client
        self._idle_s, self._now = idle_s, now
        self._lock = threading.Lock()
        self._pipes = 0
        self._last = now()
        self._voices: Mapping[str, interface.Row] = {}

    def run(self) -> None:
        """Answers until it is idle, the bus has gone, or another provider has the name."""
        try:
            if not self._own():
                return
            while True:
                try:
                    message = self._connection.receive(timeout=self._patience())
                except TimeoutError:
                    if self._patience() <= 0 and self._leave():
                        return
                else:
                    self._take(message)
        except (OSError, EOFError):
            pass  # the session has ended

    def _patience(self) -> float:
        """Seconds to wait for a call."""
        with self._lock:
            return self._idle_s if self._pipes else max(0.0, self._last + self._idle_s - self._now())

    def _own(self) -> bool:
        """Takes the name; returns whether it is ours."""
        reply, _ = self._ask(message_bus.RequestName(interface.NAME, _DO_NOT_QUEUE))
        return bool(reply.body[0] == _OWNER)

    def _leave(self) -> bool:
        """Gives the name up; returns whether nobody has called until then: a call to the name starts the next one."""
        _, calls = self._ask(message_bus.ReleaseName(interface.NAME))
        return not calls or not self._own()

    def _ask(self, question: Message) -> tuple[Message, int]:
        """Asks the bus; returns the answer and the number of calls that came before it, which are answered too: the one
        for which the bus has started this process comes first."""
        serial = next(self._connection.outgoing_serial)
        self._connection.send(question, serial=serial)
        calls = 0
        while (message := self._connection.receive()).header.fields.get(HeaderFields.reply_serial) != serial:
            calls += self._take(message)
        return message, calls

    def _take(self, message: Message) -> bool:
        """Answers a call; returns whether it is one."""
        if message.header.message_type is not MessageType.method_call:
            return False
        self._last = self._now()
        try:
            answer = new_method_return(message, *self._answer(message))
        except Refusal as refusal:
            name, sentence = refusal.args
            answer = new_error(message, f"{_ERROR}.{name}", "s", (sentence,))
        except HushdError as error:
            answer = new_error(message, f"{_ERROR}.Failed", "s", (error.message,))
        finally:
            for value in message.body:
                if hasattr(value, "fileno"):
                    value.close()
        self._connection.send(answer)
        return True

    def _answer(self, message: Message) -> tuple[str | None, tuple[Any, ...]]:
        """The signature and the body of the answer to a call."""
        fields = message.header.fields
        method = fields.get(HeaderFields.member)
        arguments = fields.get(HeaderFields.signature, "")
        if method == "Introspect":
            return "s", (interface.XML,)
        if method == "Ping":
            return None, ()
        if fields.get(HeaderFields.path) != interface.PATH:
            raise Refusal("UnknownObject", f"The object is {interface.PATH}.")
        if (method, arguments) == ("GetAll", "s"):
            return "a{sv}", (self._properties(),)
        if (method, arguments) == ("Get", "ss"):
            if (value := self._properties().get(message.body[1])) is None:
                raise Refusal("UnknownProperty", f"There is no property {message.body[1]}.")
            return "v", (value,)
        if (method, arguments) == ("Synthesize", interface.SYNTHESIZE):
            self._synthesize(*message.body)
            return None, ()
        raise Refusal("UnknownMethod", f"There is no method {method} with the signature {arguments!r}.")

    def _properties(self) -> dict[str, tuple[str, Any]]:
        self._learn_voices()
        return {"Name": ("s", "hushd"), "Voices": (interface.VOICES, list(self._voices.values()))}

    def _learn_voices(self) -> None:
        rows = (interface.row(voice) for voice in self._client.voices() if voice.installed)
        self._voices = {row[1]: row for row in rows}

    def _synthesize(
        self, pipe: Any, text: str, voice: str, pitch: float, rate: float, is_ssml: bool, language: str
    ) -> None:
        """Has the speech written to a copy of the pipe, on a thread of its own."""
        if voice and voice not in self._voices:
            self._learn_voices()
        if voice and voice not in self._voices:
            raise Refusal("InvalidArgs", f"There is no voice {voice}.")
        options = interface.options(voice, pitch, rate, is_ssml, language)
        with self._lock:
            if self._pipes >= MOST:
                raise Refusal("LimitsExceeded", f"hushd speaks into {MOST} pipes already.")
            try:
                copy = os.dup(pipe.fileno())
            except OSError as error:
                raise Refusal("LimitsExceeded", f"The pipe cannot be kept ({error.strerror}).") from error
            self._pipes += 1
        arguments = (copy, interface.whole(text, is_ssml), options)
        threading.Thread(target=self._write, args=arguments, name="hushd-pipe", daemon=True).start()

    def _write(self, pipe: int, text: str, options: Mapping[str, Any]) -> None:
        try:
            os.set_blocking(pipe, True)
            if text.strip():
                self._speak(pipe, text, options)
        except BrokenPipeError:
            pass  # the program has heard enough
        except (HushdError, OSError) as error:
            print(f"hushd's provider for Spiel: {error}", file=sys.stderr, flush=True)  # into the session's journal
        finally:
            os.close(pipe)
            with self._lock:
                self._pipes -= 1
                self._last = self._now()

    def _speak(self, pipe: int, text: str, options: Mapping[str, Any]) -> None:
        speech = self._client.synthesize(text, priority=PRIORITY, keep=False, **options)
        try:
            for samples in speech:
                rest = memoryview(samples)
                while rest:
                    rest = rest[os.write(pipe, rest) :]
        finally:
            speech.close()
