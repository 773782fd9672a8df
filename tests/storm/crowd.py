"""The clients under whose requests everything breaks: programs, switchboards, commands, a manager."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from benches.stage import BIN, recording
from hushd import Client
from hushd.transport.call import Call, new_id
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PRIORITIES
from hushd_protocol.messages import Chunk, Partial, Request, Result
from hushd_supervisor.core.requests.request import STARVED_S

from .ledger import END_S, Ledger, WrongAnswerError
from .stage import MODELS, ODD, Stage, wait_until
from .vitals import Patience


def expect(right: bool, what: str) -> None:
    if not right:
        raise WrongAnswerError(what)


class Person(threading.Thread):
    """One client: acts at random until the storm is over.

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

    def vanish(self) -> None:
        """Leaves in the middle of everything, and comes back as another client."""
        if connection := self.client.link.connection:
            connection.vanish()  # type: ignore[attr-defined]
        self.client = Client()

    def model(self) -> str:
        return self.dice.choice(MODELS)


class Talker(Person):
    """A program that uses `Client` as its documentation says."""

    acts: ClassVar = {
        "hear": 8, "hear_stream": 6, "hear_file": 4, "say": 8, "save": 4, "interrupt": 3, "walk_away": 1,
        "preload": 1, "odd": 1,
    }  # fmt: skip

    def hear(self) -> None:
        data = self.dice.randbytes(self.dice.randint(1, 5000))
        with self.ledger.request("hear"):
            self._compare(self.client.transcribe(data, engine="echo", model=self.model()).text, data)

    def hear_stream(self) -> None:
        pieces = [self.dice.randbytes(self.dice.randint(1, 30_000)) for _ in range(self.dice.randint(1, 30))]
        with self.ledger.request("hear_stream"):
            heard = self.client.transcribe(iter(pieces), engine="echo", model=self.model())
            self._compare(heard.text, b"".join(pieces))

    def hear_file(self) -> None:
        file = recording("success.wav")
        with self.ledger.request("hear_file"):
            self._compare(self.client.transcribe(file, engine="echo", model=self.model()).text, file.read_bytes())

    def say(self) -> None:
        audio = doubled(self._text())
        with self.ledger.request("say", op="speak", length=len(audio)) as entry:
            place = 0
            for chunk in self.client.synthesize(audio[::2], engine="echo", model=self.model()):
                entry.saw("audio", start=audio.find(chunk, place), stop=place + len(chunk))
                place += len(chunk)
            expect(place == len(audio), "other audio than was asked for")

    def save(self) -> None:
        """Writes into a file, on a disk that may be full: all of it is there, or nothing."""
        text = self._text()
        path = self.stage.output / f"{self.name}.wav"
        with self.ledger.request("save", "output_failed"):
            self.client.synthesize(text, engine="echo", model=self.model()).save(path)
            expect(path.read_bytes()[44:] == doubled(text), "another file than was asked for")
        path.unlink(missing_ok=True)
        for left in self.stage.output.glob(f".{self.name}.wav.*"):
            self.ledger.complain(f"{left.name} was left")

    def interrupt(self) -> None:
        """Cancels in the middle of an answer."""
        try:
            speech = self.client.synthesize([self._text()] * 50, engine="echo", model=self.model())
            for _, _ in zip(range(self.dice.randint(0, 4)), speech, strict=False):
                pass
            speech.close()
        except HushdError:
            pass  # sooner than we could cancel it
        self.ledger.abandon()

    def walk_away(self) -> None:
        try:
            self.client.transcribe_stream(self._drip(), engine="echo", model=self.model())
            time.sleep(self.dice.random() * 0.1)
        except HushdError:
            pass
        self.vanish()
        self.ledger.abandon()

    def preload(self) -> None:
        with self.ledger.request("preload"):
            self.client.preload(f"stt/echo/{self.model()}", f"tts/echo/{self.model()}", keep_alive=1)

    def odd(self) -> None:
        """Sends a request to a misbehaving worker: any single end will do."""
        with self.ledger.request("odd", "deadline_exceeded"):
            self.client.transcribe(b"audio", engine=self.dice.choice(list(ODD)), model="one", deadline=10.0)

    def _drip(self) -> Iterator[bytes]:
        for _ in range(20):
            yield b"drop"
            time.sleep(0.02)

    def _text(self) -> str:
        return " ".join(self.dice.choices(("Ever", "tried", "failed", "no", "matter", "again", "better"), k=200))

    def _compare(self, heard: str, data: bytes) -> None:
        expect(heard == hashlib.sha256(data).hexdigest(), "another transcript than that of its audio")


class Switchboard(Person):
    """Many requests at once on one connection, of every kind, some cancelled, sometimes all of them left behind."""

    acts: ClassVar = {"burst": 1}

    # what is asked for: how often
    mix: ClassVar = {
        "echo": 12, "stream": 4, "partials": 3, "copy": 4, "deadline": 2, "cancel": 3, "fail": 2, "raise": 1,
        "memory": 1, "exit": 0.1,
    }  # fmt: skip

    def burst(self) -> bool:
        """Returns whether any of it had its result."""
        heard = False
        count = self.dice.choice((1, 3, 10, 30))
        calls: list[tuple[str, int, float, Call | HushdError]] = []
        for number in range(count):
            (kind,) = self.dice.choices(list(self.mix), list(self.mix.values()))
            calls.append((kind, number, time.monotonic(), self._start(kind, number)))
        if self.dice.random() < 0.04:
            self.vanish()
            self.ledger.abandon(count)
            return False
        for kind, number, began, call in calls:
            # One is read after the other: those behind a few cold starts may have used up their credit long before.
            unread = ("slow_consumer",) if time.monotonic() - began >= STARVED_S else ()
            with self.ledger.request(kind, *_ENDS.get(kind, ()), *unread, began=began):
                if isinstance(call, HushdError):
                    raise call
                if kind == "cancel":
                    time.sleep(self.dice.random() * 0.005)
                    call.cancel()
                self._check(kind, number, call)
                heard = True
        return heard

    def _start(self, kind: str, number: int) -> Call | HushdError:
        op, params = _OPS.get(kind, (kind, {"n": number}))
        request = Request(
            id=new_id(),
            worker=f"stt/echo/{self.model()}",
            op=op,
            params=params,
            input="stream" if kind == "copy" else "inline",
            credit=8,
            priority=self.dice.choice(PRIORITIES),
            deadline_ms=self.dice.randint(1, 50) if kind == "deadline" else None,
            keep_alive=self.dice.choice((None,) * 30 + (0.0, 1.0, 5.0)),
            payload=b"" if kind == "copy" else b"payload",
        )
        try:
            call = self.client.link.connect().start(request)
        except HushdError as error:
            return error
        if kind == "copy":
            call.upload([bytes([number])] * 10)
        return call

    def _check(self, kind: str, number: int, call: Call) -> None:
        chunks = b"".join(
            message.payload if isinstance(message, Chunk) else b"" for message in self._messages(kind, number, call)
        )
        if kind == "copy":
            expect(chunks == bytes([number]) * 10, "another copy")
        elif kind == "stream":
            expect(len(chunks) == 20 * 2000, "another stream")

    def _messages(self, kind: str, number: int, call: Call) -> Iterator[Any]:
        partials = 0
        for message in call:
            if isinstance(message, Partial):
                expect(message.data == {"n": partials}, "partials out of order")
                partials += 1
            elif isinstance(message, Result) and kind == "echo":
                expect(message.data["params"] == {"n": number}, "another request's result")
            yield message
        expect(kind != "partials" or partials == 50, "partials are missing")


_OPS: dict[str, tuple[str, dict[str, Any]]] = {
    "stream": ("stream", {"count": 20, "bytes": 2000}),
    "partials": ("partials", {"count": 50}),
    "deadline": ("wait", {}),
    "cancel": ("wait", {}),
    "fail": ("fail", {"code": "bad_request", "message": "As asked."}),
    "memory": ("memory", {"mb": 1}),
    "exit": ("exit", {"status": 3}),
}
_ENDS = {"deadline": ["deadline_exceeded"], "cancel": ["cancelled"], "fail": ["bad_request"]}


class Chatterer(Switchboard):
    """Small requests only, many at once: for runs that are to make a great number of them.

    Bursts in a row ask one model, so that the end of a worker holds up a tenth of them, and not each.

    Attributes:
        bursts: in a row at most: one that has found its worker warm makes use of it, and one that was refused does not.
    """

    bursts = 1

    acts: ClassVar = {"chat": 5, "word": 10, "status": 10}
    mix: ClassVar = {"echo": 30, "cancel": 2, "fail": 1}
    _asked = MODELS[0]

    def model(self) -> str:
        return self._asked

    def chat(self) -> None:
        """Bursts, and sometimes an end of the connection or a lease, as of a switchboard."""
        self._asked = self.dice.choice(MODELS)
        for _ in range(self.bursts):
            if self.over.is_set() or not self.burst():
                return

    def word(self) -> None:
        """Has one word spoken."""
        text = self.dice.choice(("Ever", "tried", "failed", "no", "matter"))
        with self.ledger.request("word"):
            speech = self.client.synthesize(text, engine="echo", model=self.dice.choice(MODELS))
            expect(b"".join(speech) == doubled(text), "other audio than was asked for")

    def status(self) -> None:
        with self.ledger.request("status"):
            expect(self.client.status().supervisor.pid > 0, "no status")


class Reader(Person):
    """Speaks and hears with the real engines, by `Client` and by the commands."""

    acts: ClassVar = {"hear": 4, "say": 4, "listen_command": 2, "say_command": 2, "interrupted": 1}

    def hear(self) -> None:
        with self.ledger.request("moonshine"):
            expect("matter" in self.client.transcribe(recording("beckett.wav")).text.lower(), "another transcript")

    def say(self) -> None:
        with self.ledger.request("hibari"):
            speech = self.client.synthesize("No matter.")
            expect(len(b"".join(speech)) > speech.rate, "less than half a second of speech")

    def listen_command(self) -> None:
        status, out, errors = self._command("listen", str(recording("beckett.wav")))
        expect(status != 0 or "matter" in out.lower(), f"listen wrote {out!r}")
        self.ledger.command("listen", status, errors)

    def say_command(self) -> None:
        path = self.stage.output / f"{self.name}.wav"
        status, _, errors = self._command("say", "-o", str(path), "No matter.")
        expect((status == 0) == path.exists(), f"say ended with {status}: its file is {path.exists()}")
        path.unlink(missing_ok=True)
        self.ledger.command("say", status, errors, 9)

    def interrupted(self) -> None:
        """Interrupts a command as Ctrl-C does."""
        self._command("listen", str(recording("two_cities.wav")), interrupt=True)
        self.ledger.abandon()

    def _command(self, *command: str, interrupt: bool = False) -> tuple[int, str, str]:
        program = subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        if interrupt:
            # Not while Python itself starts, which answers Ctrl-C with a traceback before any of hushd's code runs.
            maps = Path(f"/proc/{program.pid}/maps")
            wait_until(lambda: program.poll() is not None or "zmq" in maps.read_text(), 30)
            time.sleep(self.dice.random())
            program.send_signal(signal.SIGINT)
        out, errors = self._output(program)
        expect("Traceback" not in errors, errors)
        return program.returncode, out, errors

    def _output(self, program: subprocess.Popen[str]) -> tuple[str, str]:
        """The output and errors of a command that ends.

        Raises:
            WrongAnswerError: the end did not come, and the command was killed.
        """
        patience = Patience(END_S, self.ledger.witness.vitals)
        while (left := patience.left()) > 0:
            try:
                return program.communicate(timeout=left)
            except subprocess.TimeoutExpired:
                pass  # unless the supervisor has waited for a processor meanwhile
        program.kill()
        program.communicate()
        late = f"{program.args} did not end within {END_S:.0f} s"
        self.ledger.no_end(1, late)
        raise WrongAnswerError(late)


class Manager(Person):
    """Asks for the status, unloads workers that were closed for crashing, and others."""

    acts: ClassVar = {"status": 1, "tidy": 10, "unload": 1}

    def status(self) -> None:
        with self.ledger.request("status"):
            expect(self.client.status().supervisor.pid > 0, "no status")
        self.over.wait(0.2)

    def tidy(self) -> None:
        with self.ledger.request("tidy"):
            closed = [row.name for row in self.client.status().workers if row.state in ("failed", "backoff")]
            if closed:
                self.client.unload(*closed[:64])
        self.over.wait(0.2)

    def unload(self) -> None:
        with self.ledger.request("unload"):
            self.client.unload(f"stt/echo/{self.model()}", force=self.dice.random() < 0.3)
        self.over.wait(0.2)


def gather(
    stage: Stage, ledger: Ledger, over: threading.Event, seed: str, chatterers: int, bursts: int
) -> list[Person]:
    """Twenty clients, and so many `chatterers`, which make so many `bursts` in a row."""
    kinds: list[Callable[..., Person]] = [Talker] * 12 + [Switchboard] * 6 + [Reader] + [Manager]
    kinds += [Chatterer] * chatterers
    crowd = [kind(stage, ledger, over, f"{seed}-{number}") for number, kind in enumerate(kinds)]
    for person in crowd:
        if isinstance(person, Chatterer):
            person.bursts = bursts
    return crowd


def doubled(text: str) -> bytes:
    return bytes(byte for byte in text.encode() for _ in range(2))
