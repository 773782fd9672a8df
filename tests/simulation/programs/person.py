"""A client of the simulation: a program that uses `hushd.Client` as its documentation says, and checks what it gets."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from hushd import Client
from hushd_protocol.errors import HushdError

from .engine import SECOND, digest

world: Any = None  # the simulation
MODELS = "abc"


class WrongAnswer(Exception):
    """An answer that is not the one to this request."""


class Person:
    """One client.

    Args:
        name: unique.
        script: its acts, the names of methods, in order. Those that are left once the world is calm are left out.
    """

    def __init__(self, name: str, script: list[str]) -> None:
        self.name = name
        self.script = script
        self.dice = random.Random(f"{world.seed}/{name}")
        self.record = world.recorder(name)
        self.requests = 0
        self.answered: set[str] = set()  # those of which a part of the answer has come
        self.client = Client(holder=name)

    def run(self) -> None:
        for act in self.script:
            if not world.calm:
                getattr(self, act)()
        self.client.close()
        self.record.saw("closed")

    # --- acts --------------------------------------------------------------------------------------------------------

    def rest(self) -> None:
        self._sleep(self.dice.expovariate(1 / 2.0))

    def long_rest(self) -> None:
        self._sleep(self.dice.choice([30.0, 400.0]))

    def _sleep(self, seconds: float) -> None:
        """Sleeps, but not beyond the storm."""
        end = time.monotonic() + seconds
        while not world.calm and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 5.0))

    def leave(self) -> None:
        self.client.close()
        self.client = Client(holder=self.name)

    def hear(self) -> None:
        data = self.dice.randbytes(self.dice.randint(1, 6 * SECOND))
        model = self._model()

        def ask(request: str) -> None:
            self._check_transcript(request, self.client.transcribe(data, engine="echo", model=model), data)

        self._request("transcribe", ask, worker=f"stt/echo/{model}", gapless=True, **self._lease())

    def hear_stream(self) -> None:
        pieces = [self.dice.randbytes(self.dice.randint(1, 3 * SECOND)) for _ in range(self.dice.randint(1, 8))]
        data, model, dice = b"".join(pieces), self._model(), random.Random(self.dice.random())

        def drip() -> Iterator[bytes]:
            for piece in pieces:
                if dice.random() < 0.2:
                    time.sleep(dice.random())
                yield piece

        def ask(request: str) -> None:
            self._check_transcript(request, self.client.transcribe(drip(), engine="echo", model=model), data)

        self._request("transcribe", ask, worker=f"stt/echo/{model}", gapless=True, **self._lease())

    def say(self) -> None:
        text = self._text()
        model = self._model()

        def ask(request: str) -> None:
            heard = 0
            for chunk in self.client.synthesize(text, engine="echo", model=model):
                heard = self._hear_chunk(request, chunk, text, heard)
            if heard != 2 * len(text):
                raise WrongAnswer(f"{heard} bytes of {2 * len(text)}")

        self._request("speak", ask, worker=f"tts/echo/{model}", length=2 * len(text), **self._lease())

    def speak_aloud(self) -> None:
        """Takes the loudspeaker, and plays for a while."""
        priority = self.dice.choice(["important", "text", "text", "notification", "progress"])
        long = self.dice.expovariate(1 / 3.0)

        def ask(request: str) -> None:
            floor = self.client.floor("speaker", priority=priority)
            lost = threading.Event()
            floor.on_loss = lost.set
            with floor:
                end = time.monotonic() + long
                self.record.saw("granted", request, epoch=_epoch(floor))
                while time.monotonic() < end:
                    if lost.wait(0.2):
                        lost.clear()
                        self.record.saw("released", request, keep=True)
                        floor.keep()
                        self.record.saw("granted", request, epoch=_epoch(floor))
                self.record.saw("released", request, keep=False)

        # Who has no session's folder may have a supervisor of its own, and that a loudspeaker of its own.
        session = "" if "XDG_RUNTIME_DIR" in os.environ else "none"
        self._request("claim", ask, devices=["speaker"], priority=priority, machine=session)

    def preload(self) -> None:
        worker, seconds = f"{self.dice.choice(['stt', 'tts'])}/echo/{self._model()}", self.dice.choice([1, 60])
        ask = partial(self.client.preload, worker, keep_alive=seconds)
        self._request("other", lambda _: ask(), worker=worker, **self._lease(seconds))

    def status(self) -> None:
        self._request("status", lambda _: self.client.status())

    def unload(self) -> None:
        self._request("unload", lambda _: self.client.unload(), workers=[])

    def interrupt(self) -> None:
        """Cancels in the middle of an answer."""
        text, most, model = self._text() * 3, self.dice.randint(0, 4), self._model()

        def ask(request: str) -> None:
            speech = self.client.synthesize(text, engine="echo", model=model)
            for _, _ in zip(range(most), speech, strict=False):
                pass
            self.record.saw("cancelled", request)
            speech.close()

        self._request("speak", ask, worker=f"tts/echo/{model}", **self._lease())

    # --- the parts ---------------------------------------------------------------------------------------------------

    def _lease(self, seconds: float = 300.0) -> dict[str, Any]:
        """The lease that a request asks for, by default that of the configuration."""
        return {"holder": self.name, "keep_alive": seconds}

    def _model(self) -> str:
        return self.dice.choice(MODELS)

    def _text(self) -> bytes:
        return bytes(self.dice.randint(97, 122) for _ in range(self.dice.randint(1, 4 * SECOND)))

    def _request(self, op: str, ask: Callable[[str], object], **more: Any) -> None:
        self.requests += 1
        request = f"{self.name}-{self.requests}"
        self.record.invoke(request, op, **more)
        world.begun(self, request, op)
        try:
            ask(request)
        except HushdError as error:
            self.record.fail(request, error.code)
            world.ended(request, error, request in self.answered)
        except WrongAnswer as error:
            world.violation(f"{request}: {error}")
            self.record.fail(request, "wrong_answer")
        except Exception as error:  # any: a client gets a HushdError or its answer
            world.violation(f"{request} ({op}) ended with {type(error).__name__}: {error}", error)
            self.record.fail(request, "bug")
        else:
            self.record.ok(request)
            world.ended(request, None, True)

    def _check_transcript(self, request: str, transcript: Any, data: bytes) -> None:
        wanted = [digest(data[start : start + SECOND]) for start in range(0, len(data), SECOND)]
        heard = []
        for number, segment in enumerate(transcript):
            self.record.saw("segment", request, index=number, start=segment.start, stop=segment.end)
            heard.append(segment.text.strip())
        if heard != wanted:
            raise WrongAnswer(f"{len(heard)} segments of {len(wanted)}: {heard} instead of {wanted}")

    def _hear_chunk(self, request: str, chunk: bytes, text: bytes, heard: int) -> int:
        self.answered.add(request)
        whole = bytes(byte for byte in text for _ in range(2))
        self.record.saw("audio", request, start=heard, stop=heard + len(chunk))
        if whole[heard : heard + len(chunk)] != chunk:
            raise WrongAnswer(f"other audio than was asked for, at byte {heard}")
        return heard + len(chunk)


def _epoch(floor: Any) -> int:
    """The supervisor that has granted the floor; 0 where there is none."""
    connection = floor._connection
    return connection.supervisor.pid if connection is not None and connection.supervisor else 0


def main(arguments: list[str]) -> None:
    """Lives the life of the client that the first argument names."""
    name, *script = arguments
    Person(name, script).run()
