"""The clients under whose requests everything breaks: programs, commands, a manager."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from pathlib import Path
from typing import ClassVar

from benches.stage import BIN
from hushd import Client

from .ledger import END_S, Ledger, WrongAnswerError
from .stage import Stage


def expect(right: bool, what: str) -> None:
    """Raises WrongAnswerError, unless it is right."""
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


class Commander(Person):
    """Uses the commands; what they hear is the clip of a subclass."""

    clip: Path

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


class Manager(Person):
    """Asks for the status, and unloads workers that were closed for crashing."""

    acts: ClassVar = {"status": 1, "tidy": 10}

    def status(self) -> None:
        with self.ledger.request("status"):
            expect(self.client.status().supervisor.pid > 0, "no status")
        self.over.wait(0.2)

    def tidy(self) -> None:
        with self.ledger.request("tidy"):
            closed = [row.name for row in self.client.status().workers if row.state in ("failed", "backoff")]
            if closed:
                self.client.unload(*closed)
        self.over.wait(0.2)
