"""`sd_hushd`, an output module of speech-dispatcher: makes speech of messages, which the server plays."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hushd.audio.playback_buffer import whole_frames
from hushd.audio.recording import SAMPLE_BYTES
from hushd.client import Client
from hushd_models import languages
from hushd_protocol.errors import HushdError

from . import protocol
from .protocol import DispatcherConnection
from .settings import Settings
from .wording import KINDS, Kind, Utterance, utterance

if TYPE_CHECKING:
    from hushd.synthesis.speech import Speech
    from hushd_schema.description import Voice
    from hushd_schema.results import Sentence

MESSAGE_CHUNK_S = 0.1  # seconds of audio in one message, whose end a stop has to wait for
# The least time from a message's start to the report of its stop: the server may still be handling the stop of the
# previous message, and an earlier answer would hang it ("Cannot stop now" in its log).
STOP_DELAY_S = 0.03
RESUMES = "__spd_"  # prefix of the marks from which the server resumes after a pause
PRIORITY = "important"  # a screen reader goes before other programs
_HOLDER = "screen-reader"


class Speaking:
    """Speaks one message, on a thread of its own."""

    def __init__(
        self, connection: DispatcherConnection, client: Client, utterance: Utterance, settings: Settings
    ) -> None:
        self._connection, self._client = connection, client
        self._utterance, self._settings = utterance, settings
        self._lock = threading.Lock()
        self._speech: Speech | None = None
        self._due: deque[tuple[float, str]] = deque()  # marks with known times
        self._marks = deque(utterance.marks)
        self._stopped = False
        self._pausing = False

    def stop(self) -> None:
        """Ends the message at once."""
        with self._lock:
            self._stopped = True
            if self._speech is not None:
                self._speech.close()

    def pause(self) -> None:
        """Ends the message at the next mark from which the server can resume; at once if there is none."""
        self._pausing = True
        if not any(name.startswith(RESUMES) for _, name in (*self._due, *self._marks)):
            self.stop()

    def run(self, voice: Mapping[str, Any]) -> None:
        """Speaks the message, and reports its end."""
        started_at = time.monotonic()
        self._connection.answer(protocol.BEGIN)
        try:
            self._speak(self._utterance, voice)
        except HushdError as error:
            if not self._stopped:
                _log(error)
        if self._stopped:
            time.sleep(max(0.0, started_at + STOP_DELAY_S - time.monotonic()))
            self._connection.answer(protocol.PAUSED if self._pausing else protocol.STOPPED)
            return
        for name in [name for _, name in (*self._due, *self._marks)]:
            self._connection.mark(name)
        self._connection.answer(protocol.END)

    def _speak(self, utterance: Utterance, voice: Mapping[str, Any]) -> None:
        if not utterance.text.strip():
            return
        tone = self._settings.tone(utterance.capital)
        with self._lock:
            if self._stopped:
                return
            self._speech = self._client.synthesize(
                utterance.text,
                priority=PRIORITY,
                keep=False,
                on_sentence=self._time_marks if utterance.marks else None,
                **voice,
                **self._settings.options(tone),
            )
        rate = 0
        sent = 0  # samples sent
        for samples in whole_frames(self._speech, SAMPLE_BYTES):
            rate = rate or self._speech.rate
            for piece in self._pieces(samples, sent, rate):
                if self._stopped:
                    return
                self._connection.audio(piece, round(rate * tone))
                sent += len(piece) // 2

    def _time_marks(self, sentence: Sentence) -> None:
        """Computes the times of the marks before a sentence's words; its audio follows."""
        for word in sentence.words or (sentence,):
            while self._marks and self._marks[0][0] <= word.text_start:
                self._due.append((word.start, self._marks.popleft()[1]))

    def _pieces(self, samples: bytes, sent: int, rate: int) -> Iterator[bytes]:
        """Divides samples into pieces of `MESSAGE_CHUNK_S`, and at marks, which it reports in between."""
        size = 2 * round(MESSAGE_CHUNK_S * rate)
        start = 0
        while start < len(samples):
            while self._due and round(self._due[0][0] * rate) <= sent + start // 2:
                self._pass(self._due.popleft()[1])
            end = min(start + size, len(samples))
            if self._due:
                end = min(end, max(start + 2, 2 * (round(self._due[0][0] * rate) - sent)))
            yield samples[start:end]
            start = end

    def _pass(self, name: str) -> None:
        if not self._stopped:
            self._connection.mark(name)
            if self._pausing and name.startswith(RESUMES):
                self.stop()


class Module:
    """Answers speech-dispatcher's commands."""

    def __init__(self, connection: DispatcherConnection, client: Client) -> None:
        self._connection, self._client = connection, client
        self._settings = Settings()
        self._speaking: Speaking | None = None
        self._messages: queue.SimpleQueue[Speaking] = queue.SimpleQueue()
        self._voices: list[Voice] | None = None
        self._chosen: dict[tuple[str, ...], Mapping[str, Any]] = {}

    def run(self) -> None:
        """Answers commands until QUIT or the server's end."""
        threading.Thread(target=self._speak_all, name="hushd-speaking", daemon=True).start()
        for line in self._connection.lines():
            if line == "QUIT":
                self._stop()
                self._connection.answer(protocol.QUIT)
                return
            self._obey(line)
        self._stop()

    def _obey(self, line: str) -> None:
        if line in KINDS:
            self._take_message(line)
        elif line == "INIT":
            self._connection.answer(protocol.INITIALIZED)
        elif line == "STOP":
            self._stop()
        elif line == "PAUSE":
            if self._speaking is not None:
                self._speaking.pause()
        elif line == "SET":
            self._take_settings("", self._change, "SETTINGS RECEIVED")
        elif line == "AUDIO":
            self._take_settings("AUDIO ", _check_audio, "AUDIO INITIALIZED")
        elif line == "LOGLEVEL":
            self._take_settings("LOGLEVEL ", lambda *_: None, "LOGLEVEL SET")
        elif line == "LIST VOICES":
            self._list_voices()
        elif line.startswith("DEBUG"):
            self._connection.answer(f"200 OK DEBUGGING {'ON' if ' ON' in line else 'OFF'}")
        else:
            self._connection.answer(protocol.UNKNOWN)

    def _take_message(self, kind: Kind) -> None:
        self._connection.answer(protocol.RECEIVING_MESSAGE)
        lines = self._connection.block()
        if lines is None:
            return
        message = "\n".join(lines).removesuffix("\n")
        if kind == "CHAR" and message == "space":
            message = " "
        if not message:
            self._connection.answer(protocol.CANT_SPEAK)
        elif kind != "SPEAK" and len(message.strip("\n").splitlines()) > 1:
            self._connection.answer(protocol.MANY_LINES)
        else:
            spoken = utterance(kind, message, self._settings)
            self._connection.answer(protocol.SPEAKING)
            self._speaking = Speaking(self._connection, self._client, spoken, self._settings)
            self._messages.put(self._speaking)

    def _take_settings(self, what: str, change: Any, done: str) -> None:
        self._connection.answer(protocol.RECEIVING.format(what))
        lines = self._connection.block()
        if lines is not None:
            self._connection.answer(protocol.settings(lines, change) or protocol.RECEIVED.format(done))

    def _change(self, name: str, value: str) -> None:
        self._settings = self._settings.changed(name, value)

    def _stop(self) -> None:
        if self._speaking is not None:
            self._speaking.stop()

    def _speak_all(self) -> None:
        while True:
            speaking = self._messages.get()
            speaking.run(self._voice())
            if self._speaking is speaking:
                self._speaking = None

    def _voice(self) -> Mapping[str, Any]:
        """Returns the settings' voice as arguments of `synthesize`; empty if there is none."""
        settings = self._settings
        wish = (settings.synthesis_voice, settings.language, settings.gender)
        if wish not in self._chosen:
            try:
                self._chosen[wish] = self._choose(*wish)
            except HushdError as error:
                _log(error)
                return {}
        return self._chosen[wish]

    def _choose(self, name: str, language: str, gender: str) -> Mapping[str, Any]:
        voices = self._known()
        named = [voice for voice in voices if name in (voice.name, f"{voice.engine}/{voice.name}")]
        # A program of the locale C asks for the language `c`, which none of these voices speaks.
        able = [voice for voice in voices if languages.code(voice.language) == languages.code(language)]
        tag = languages.tag(language)
        matches = named or [voice for voice in able if languages.tag(voice.language).startswith(tag)] or able
        matches = [voice for voice in matches if gender in ("", voice.gender)] or matches
        if not matches or (not named and not gender and voices[0] in matches):  # the first of all is the default
            return {}
        return {"voice": matches[0].name, "engine": matches[0].engine, "model": matches[0].model or None}

    def _known(self) -> list[Voice]:
        if self._voices is None:
            self._voices = [voice for voice in self._client.voices() if voice.installed]
        return self._voices

    def _list_voices(self) -> None:
        try:
            lines = [f"200-{voice.name}\t{voice.language or 'none'}\t{voice.engine}" for voice in self._known()]
        except HushdError as error:
            _log(error)
            lines = []
        self._connection.answer(*lines, protocol.VOICES) if lines else self._connection.answer(protocol.NO_VOICES)


def _log(error: HushdError) -> None:
    """Writes an error to speech-dispatcher's log."""
    print(f"sd_hushd: {error.message}", file=sys.stderr, flush=True)


def _check_audio(name: str, value: str) -> None:
    """Refuses audio methods other than playing by the server."""
    if (name, value) != ("audio_output_method", "server"):
        raise ValueError(f"{name}={value}")


def main() -> None:
    """Runs the module on this process's standard input and output."""
    with Client(holder=_HOLDER) as client:
        Module(DispatcherConnection(sys.stdin.buffer, sys.stdout.buffer), client).run()
    os._exit(0)
