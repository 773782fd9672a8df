"""A client of the simulation: a program that uses `hushd.Client` as its documentation says, and checks what it gets."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator

from hushd import Client
from hushd_protocol.errors import HushdError

from . import life
from .engine import SLOW
from .life import Life, turn

MORNING = "vwxyz"  # models that are asked for by nobody else


class Person(Life):
    def __init__(self, name: str, script: list[str]) -> None:
        super().__init__(name, script)
        self.client = Client(holder=name)
        self._others: list[threading.Thread] = []

    def run(self) -> None:
        signal.signal(signal.SIGINT, interrupted)
        for act in self.acts():
            try:
                getattr(self, act)()
            except KeyboardInterrupt:
                pass
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.client.close()
        if others := [
            other for other in self._others if other.is_alive()
        ]:  # an act was interrupted that had begun them
            for other in others:
                other.join()
            self.client.close()  # what began after the first time has connected again
        life.world.saved.check_parts(self.name)
        self.record.saw("closed")

    # --- acts --------------------------------------------------------------------------------------------------------

    def rest(self) -> None:
        self._sleep(self.dice.expovariate(1 / 2.0))

    def long_rest(self) -> None:
        self._sleep(self.dice.choice([30.0, 400.0]))

    def _sleep(self, seconds: float) -> None:
        """Sleeps, but not beyond the storm."""
        end = time.monotonic() + seconds
        while not life.world.calm and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 5.0))

    def leave(self) -> None:
        for other in [other for other in self._others if other.is_alive()]:  # of an act that was interrupted
            other.join()
        self.client.close()
        self.client = Client(holder=self.name)

    def hear(self, diarize: bool = False) -> None:
        data, model = self.recording(), self.model()
        with self.hearing(model):
            transcript = self.client.transcribe(data, engine="echo", model=model, diarize=diarize)
            self.check_transcript(transcript, data)

    def hear_stream(self) -> None:
        pieces, model, dice = self.pieces(), self.model(), random.Random(self.dice.random())

        def drip() -> Iterator[bytes]:
            for piece in pieces:
                if dice.random() < 0.2 and not life.world.calm:
                    time.sleep(dice.random())
                yield piece

        with self.hearing(model) as request:
            self.once(request, len(b"".join(pieces)))
            transcript = self.client.transcribe(drip(), engine="echo", model=model)
            self.check_transcript(transcript, b"".join(pieces))

    def hear_speakers(self) -> None:
        """Asks who speaks, too: such an answer is asked for again as a whole, and no part of it is heard twice."""
        self.hear(diarize=True)

    def hear_live(self) -> None:
        """Speaks live, which is asked for again only as long as all of it is kept."""
        pieces, model = self.pieces(), self.model()
        with self.hearing(model) as request:
            self.once(request, len(b"".join(pieces)))
            transcript = self.client.listen(iter(pieces), continuous=True, engine="echo", model=model)
            self.check_transcript(transcript, b"".join(pieces))

    def hear_file(self) -> None:
        model = self.model()
        with self.hearing(model):
            path, data = self.recording_file()
            self.check_transcript(self.client.transcribe(path, engine="echo", model=model), data)

    def save(self) -> None:
        """Saves a speech, and tries again where the file could not be written."""
        text, model = self.text(), self.model()
        path, late = self.target(text), self.dice.choice([0.0, 0.0, 2.0])
        with self.saying(model) as request:
            speech = self.client.synthesize(text, engine="echo", model=model)
            self.answered.add(request)
            time.sleep(late)  # the audio gathers in the spool
            try:
                speech.save(path)
            except HushdError as error:
                if error.code != "output_failed":
                    raise
                time.sleep(1.0)
                speech.save(path)
            self.check_saved(path)

    def say(self) -> None:
        text, model = self.text(), self.model()
        with self.saying(model) as request:
            heard = 0
            for chunk in self.client.synthesize(text, engine="echo", model=model):
                life.world.promptness.heard(request, chunk)
                heard = self.hear_chunk(request, chunk, text, heard)
            self.check_length(heard, text)

    def say_slowly(self) -> None:
        """Reads a long answer with pauses, so that the engine waits for its credit."""
        text, model = self.text() * 6, self.model()
        with self.saying(model) as request:
            heard = 0
            for chunk in self.client.synthesize(text, engine="echo", model=model):
                heard = self.hear_chunk(request, chunk, text, heard)
                time.sleep(0.0 if life.world.calm else self.dice.choice([0.0, 0.2, 1.0]))
            self.check_length(heard, text)

    def at_once(self) -> None:
        """Hears and says at the same moment, on one connection."""
        other = self._begin(self.hear)
        self.say()
        other.join()

    def speak_aloud(self) -> None:
        """Takes the loudspeaker, and plays for a while."""
        priority = self.dice.choice(["important", "text", "text", "notification", "progress"])
        long = self.dice.expovariate(1 / 3.0)
        with self.request("claim", priority=priority, machine=self.session()) as request:
            floor = self.client.floor("speaker", priority=priority)
            lost = threading.Event()
            floor.on_loss = lost.set
            with floor:
                end = time.monotonic() + long
                self.record.saw("granted", request, **turn(floor))
                while time.monotonic() < end and not life.world.calm:
                    if lost.wait(0.2):
                        lost.clear()
                        self.record.saw("released", request, keep=True)
                        floor.keep()
                        self.record.saw("granted", request, **turn(floor))
                self.record.saw("released", request, keep=False)

    def preload(self) -> None:
        worker, seconds = f"{self.dice.choice(['stt', 'tts'])}/echo/{self.model()}", self.dice.choice([0, 1, 200, None])
        with self.request("other", worker=worker, **self.lease(300 if seconds is None else seconds)):
            self.client.preload(worker, keep_alive=seconds)

    def status(self) -> None:
        with self.request("status"):
            life.world.promptness.told(self.client.status())

    def morning(self) -> None:
        """Asks for workers that nobody has asked for, all at once, and for the status while they start."""
        workers = [f"stt/echo/{model}" for model in MORNING]
        others = [self._begin(self._warm, worker) for worker in workers]
        time.sleep(0.1)
        self.status()
        for other in others:
            other.join()

    def _begin(self, act: Callable[..., None], *arguments: str) -> threading.Thread:
        """Does something beside what follows."""
        other = threading.Thread(target=act, args=arguments)
        self._others.append(other)  # first: Ctrl-C may come as it starts
        other.start()
        return other

    def _warm(self, worker: str) -> None:
        with self.request("other", worker=worker, **self.lease(0)):
            self.client.preload(worker, keep_alive=0)

    def unload(self) -> None:
        force = self.dice.random() < 0.3
        if force:
            life.world.storm.told_to("force")
        try:
            with self.request("unload", workers=[]):
                self.client.unload(force=force)
        finally:
            life.world.storm.told_to("unload")  # which a supervisor may have read no sooner

    def shutdown(self) -> None:
        with self.request("shutdown"):
            self.client.shutdown()

    def restart(self) -> None:
        with self.request("restart"):
            self.client.restart(10.0)

    def give_up(self) -> None:
        """Cancels while the engine is busy with a piece that takes long."""
        with self.saying(SLOW) as request:
            speech = self.client.synthesize(self.text(), engine="echo", model=SLOW)
            time.sleep(self.dice.choice([2.0, 4.0]))
            self.record.saw("cancelled", request)
            speech.close()

    def interrupt(self) -> None:
        """Cancels in the middle of an answer."""
        text, most, model = self.text() * 3, self.dice.randint(0, 4), self.model()
        with self.saying(model) as request:
            speech = self.client.synthesize(text, engine="echo", model=model)
            for _, _ in zip(range(most), speech, strict=False):
                self.answered.add(request)
            self.record.saw("cancelled", request)
            speech.close()


def interrupted(number: int, frame: object) -> None:
    """Ends an act in the middle, as Ctrl-C does."""
    raise KeyboardInterrupt


def main(arguments: list[str]) -> None:
    name, *script = arguments
    Person(name, script).run()
    life.check_left(name)
