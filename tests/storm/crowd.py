"""The clients under whose requests everything breaks: programs, commands, HTTP, Wyoming and a manager.

Each answer is checked.
"""

from __future__ import annotations

import json
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import soundfile
from benches.stage import BIN
from hushd import Client
from hushd_protocol.errors import HushdError
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import read_event, write_event
from wyoming.tts import Synthesize

from .ledger import END_S, Ledger, WrongAnswerError
from .stage import Stage

SENTENCES = ("Ever tried.", "No matter.", "The memory is given back when nobody is listening.")
HEARD = "tried"
LEAST_S = 0.25  # of any sentence's speech
KIND = "multipart/form-data; boundary=B"
REFUSED_S = 0.5  # that a client waits after an error, as it is told to


def expect(right: bool, what: str) -> None:
    """Raises WrongAnswerError, unless it is right."""
    if not right:
        raise WrongAnswerError(what)


class Person(threading.Thread):
    """One client: acts at random until the storm is over, and waits a moment after an error.

    `acts` are its methods with their weights.
    """

    acts: ClassVar[dict[str, int]]

    def __init__(self, stage: Stage, ledger: Ledger, over: threading.Event, seed: str) -> None:
        super().__init__(name=seed, daemon=True)
        self.stage, self.ledger, self.over = stage, ledger, over
        self.dice = random.Random(seed)
        self.client = Client()

    def run(self) -> None:
        names, weights = list(self.acts), list(self.acts.values())
        while not self.over.is_set():
            (name,) = self.dice.choices(names, weights)
            try:
                getattr(self, name)()
            except Exception as error:  # outside of any request: a bug, of hushd or of the storm
                self.ledger.complain(f"{type(self).__name__}.{name}: {type(error).__name__}: {error}")
        self.client.close()

    @contextmanager
    def request(self, what: str) -> Iterator[None]:
        done = False
        with self.ledger.request(what):
            yield
            done = True
        if not done:
            self.over.wait(REFUSED_S)


class Manager(Person):
    """Asks for the status, and unloads workers that were closed for crashing."""

    acts: ClassVar = {"status": 1, "tidy": 10}

    def status(self) -> None:
        with self.request("status"):
            expect(self.client.status().supervisor.pid > 0, "no status")
        self.over.wait(0.2)

    def tidy(self) -> None:
        with self.request("tidy"):
            closed = [row.name for row in self.client.status().workers if row.state in ("failed", "backoff")]
            if closed:
                self.client.unload(*closed)
        self.over.wait(0.2)


@contextmanager
def connection(number: int) -> Iterator[BinaryIO]:
    """Yields a connection to the Wyoming port, as a file."""
    with socket.create_connection(("127.0.0.1", number)) as end, end.makefile("rwb") as file:
        yield file


class Programs(Person):
    """Asks by `Client` and by the commands; `clip` says "Ever tried."."""

    acts: ClassVar = {"hear": 20, "say": 20, "listen_command": 1, "say_command": 1}

    def __init__(self, stage: Stage, ledger: Ledger, over: threading.Event, seed: str, clip: Path) -> None:
        super().__init__(stage, ledger, over, seed)
        self.clip = clip

    def hear(self) -> None:
        with self.request("client: hear"):
            _check_text(self.client.transcribe(self.clip).text)

    def say(self) -> None:
        with self.request("client: say"):
            speech = self.client.synthesize(self.dice.choice(SENTENCES))
            _check_speech(b"".join(speech), speech.rate)

    def listen_command(self) -> None:
        self._command("listen", [str(self.clip)], "tried")

    def say_command(self) -> None:
        path = self.stage.output / f"{self.name}.wav"
        status = self._command("say", ["-o", str(path), "No matter."], "", 9)
        expect((status == 0) == path.exists(), f"say ended with {status}: its file is {path.exists()}")
        path.unlink(missing_ok=True)

    def _command(self, name: str, arguments: list[str], said: str, *statuses: int) -> int:
        """Runs a command, which must say so unless it fails; returns its status."""
        began = time.monotonic()
        try:
            done = subprocess.run(
                [str(BIN / name), *arguments],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=END_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise WrongAnswerError(f"{name} did not end within {END_S:.0f} s") from None
        expect(done.returncode != 0 or said in done.stdout.lower(), f"{name} wrote {done.stdout!r}")
        self.ledger.command(name, began, done.returncode, done.stderr, *statuses)
        return done.returncode


class _Host(Person):
    acts: ClassVar = {"hear": 1, "say": 1}

    def __init__(self, stage: Stage, ledger: Ledger, over: threading.Event, seed: str, clip: Path, port: int) -> None:
        super().__init__(stage, ledger, over, seed)
        self.port = port
        self.samples, self.rate = soundfile.read(clip, dtype="int16")
        self.clip = clip.read_bytes()

    def sentence(self) -> str:
        return self.dice.choice(SENTENCES)


class Web(_Host):
    def say(self) -> None:
        body = json.dumps({"model": "tts-1", "voice": "alloy", "input": self.sentence(), "response_format": "wav"})
        with self.request("http: say"), _lost(), self._http() as http:
            http.request("POST", "/v1/audio/speech", body, {"Content-Type": "application/json"})
            _check_speech(_answer(http.getresponse())[44:], 24_000)

    def hear(self) -> None:
        part = b'--B\r\nContent-Disposition: form-data; name="file"; filename="clip.wav"\r\n\r\n'
        body = part + self.clip + b"\r\n--B--\r\n"
        with self.request("http: hear"), _lost(), self._http() as http:
            http.request("POST", "/v1/audio/transcriptions", body, {"Content-Type": KIND})
            _check_text(json.loads(_answer(http.getresponse()))["text"])

    def _http(self) -> closing[HTTPConnection]:
        return closing(HTTPConnection("127.0.0.1", self.port, timeout=END_S))


class HomeAssistant(_Host):
    def say(self) -> None:
        with self.request("wyoming: say"), _lost(), connection(self.port) as end:
            write_event(Synthesize(self.sentence()).event(), end)
            audio, rate = b"", 0
            for event in _events(end, "audio-stop"):
                if AudioChunk.is_type(event.type):
                    chunk = AudioChunk.from_event(event)
                    audio, rate = audio + chunk.audio, chunk.rate
            _check_speech(audio, rate)

    def hear(self) -> None:
        sound = {"rate": self.rate, "width": 2, "channels": 1}
        with self.request("wyoming: hear"), _lost(), connection(self.port) as end:
            data = self.samples.tobytes()
            for event in (Transcribe(language="en"), AudioStart(**sound), AudioChunk(audio=data, **sound), AudioStop()):
                write_event(event.event(), end)
            *_, transcript = _events(end, "transcript")
            _check_text(transcript.data["text"])


@contextmanager
def _lost() -> Iterator[None]:
    """Makes one error of every way in which a connection ends whose gateway is killed."""
    try:
        yield
    except (ConnectionError, HTTPException) as error:
        raise HushdError("supervisor_lost", f"The connection ended: {type(error).__name__}.") from error


def _answer(response: HTTPResponse) -> bytes:
    """The body of a good answer; errors are raised as hushd's own."""
    body = response.read()
    if response.status == 200:
        return body
    error = json.loads(body)["error"]
    code = error["code"] or ("server_busy" if response.status == 503 else "bad_request")  # the door names none
    raise HushdError(code, error["message"])


def _events(end: Any, last: str) -> Iterator[Any]:
    """Events up to one of a kind."""
    while (event := read_event(end)) is not None:
        if event.type == "error":
            raise HushdError(event.data["code"], event.data["text"])
        yield event
        if event.type == last:
            return
    raise ConnectionResetError


def _check_text(text: str) -> None:
    expect(HEARD in text.lower(), f"another transcript: {text!r}")


def _check_speech(audio: bytes, rate: int) -> None:
    expect(len(audio) / 2 > LEAST_S * rate, f"{len(audio)} bytes of speech are too few")
