"""Clients whose histories say most: those that speak in turns, transcribe over every loss, and keep a worker."""

from __future__ import annotations

import threading
import time
from typing import ClassVar

from hushd import Client
from hushd.floor import Floor
from hushd_protocol.limits import PRIORITIES

from .crowd import Person, doubled, expect
from .ledger import Entry, Ledger
from .stage import SEGMENTS, Stage

KEPT_S = (0, 5, 60, 600)
TURN_ENDS = ("cancelled",)  # a more urgent turn


class Orator(Person):
    """Speaks and records in turns with others like it; what it plays is heard by nobody but the history."""

    acts: ClassVar = {"speak": 4, "record": 2}

    def speak(self) -> None:
        audio = doubled(" ".join(self.dice.choices(("Fail", "better", "no", "matter"), k=300)))
        with self.ledger.request("speak aloud", *TURN_ENDS, op="speak", length=len(audio)) as entry:
            chunks = list(self.client.synthesize(audio[::2], engine="echo", model=self.model()))
            heard = 0
            for chunk in chunks:
                entry.saw("audio", start=audio.find(chunk, heard), stop=heard + len(chunk))
                heard += len(chunk)
            self._turn(entry, "speaker", heard)

    def record(self) -> None:
        with self.ledger.request("record", *TURN_ENDS) as entry:
            self._turn(entry, "microphone", 0)

    def _turn(self, entry: Entry, device: str, length: int) -> None:
        """Uses a device in steps of 20 ms, and is silent whenever it is not ours."""
        with self.client.floor(device, priority=self.dice.choice(PRIORITIES)) as floor:
            place = 0
            for _ in range(self.dice.randint(1, 30)):
                floor.keep()
                step = min(length, place + 500)
                if length:
                    self._sound(entry, floor, place, step)
                place = step
                time.sleep(0.02)

    def _sound(self, entry: Entry, floor: Floor, start: int, stop: int) -> None:
        claim = floor.id
        if floor.held:  # else it was lost since
            # Without a supervisor nobody grants it, and while the next one is asked it is still the last one's.
            granted = floor._connection and floor._state.old_claim in (b"", claim)
            entry.saw("sound", start=start, stop=stop, **({"claim": claim.hex()} if granted else {}))


class Reciter(Person):
    """Transcribes what takes its time, while workers and supervisors die: each segment comes, and comes once."""

    acts: ClassVar = {"recite": 1}

    def recite(self) -> None:
        with self.ledger.request("recite", op="transcribe", gapless=True, length=SEGMENTS) as entry:
            number = 0
            for segment in self.client.transcribe_stream(b"audio", engine="recital", model="one"):
                entry.saw("segment", index=int(segment.text), start=segment.start, stop=segment.end)
                number += 1
            expect(number == SEGMENTS, f"{number} segments of {SEGMENTS}")


class Keeper(Person):
    """Keeps workers that others use too; its statuses show for how long."""

    acts: ClassVar = {"keep": 3, "look": 3}

    def __init__(self, stage: Stage, ledger: Ledger, over: threading.Event, seed: str) -> None:
        super().__init__(stage, ledger, over, seed)
        self.client = Client(holder=f"keeper {self.dice.choice('xy')}")

    def keep(self) -> None:
        with self.ledger.request("keep"):
            data, seconds = self.dice.randbytes(100), self.dice.choice(KEPT_S)
            self.client.transcribe(data, engine="kept", model=self.dice.choice("ab"), keep_alive=seconds)
        self.over.wait(self.dice.random())

    def look(self) -> None:
        with self.ledger.request("look"):
            expect(self.client.status().supervisor.pid > 0, "no status")
        self.over.wait(self.dice.random())


PERFORMERS: tuple[type[Person], ...] = (Orator, Orator, Orator, Orator, Reciter, Reciter, Keeper, Keeper)


def perform(stage: Stage, ledger: Ledger, over: threading.Event, seed: str) -> list[Person]:
    """Returns one client of each kind that performs, and several of those that meet each other."""
    return [kind(stage, ledger, over, f"{seed}-{kind.__name__}-{number}") for number, kind in enumerate(PERFORMERS)]
