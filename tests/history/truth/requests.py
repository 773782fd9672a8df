"""The made-up world's requests: speech that is played, transcripts, leases, statuses, and people with a hand in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import count

from .floor import Claim, Floor, Turn
from .house import Client, House

WORKERS = ("stt/echo/a", "stt/echo/b", "tts/echo/a")
HOLDERS = ("cli", "editor")
CODES = ("server_busy", "worker_crashed", "deadline_exceeded")


class Requests:
    """Makes requests of every kind for the clients of a house."""

    def __init__(self, house: House) -> None:
        self.house, self.dice, self.floor = house, house.dice, Floor(house)
        self.loudspeaker = house.recorder("loudspeaker")
        self.leases: dict[tuple[str, str], float] = {}
        house.on_death.append(self.leases.clear)
        self._names = count(1)

    def name(self, what: str) -> str:
        return f"{what}-{next(self._names)}"

    # --- speech and transcripts --------------------------------------------------------------------------------------

    def say(self, client: Client, done: Callable[[], None]) -> None:
        """A speech that comes in pieces, and is heard while the client has its turn."""
        speech, claim = self.name("speech"), self.name("claim")
        total = self.dice.randint(1, 12)
        received = played = 0

        def receive() -> bool:
            nonlocal received
            client.see.saw("audio", speech, start=received * 100, stop=(received + 1) * 100)
            received += 1
            return received < total

        def play() -> bool:
            nonlocal played
            if played < received:
                self.loudspeaker.saw("sound", speech, start=played * 100, stop=(played + 1) * 100, claim=claim)
                played += 1
            return played < received or speech in client.on_loss

        self._stream(client, speech, "speak", receive, lambda: total * 100, lambda: received == 0)
        devices = ["speaker"] if self.dice.random() < 0.8 else ["speaker", "microphone"]
        mine = Claim(client, claim, devices, self._rank())
        client.do(self.dice.random(), lambda: Turn(self.floor, mine, play, done) and None)

    def record(self, client: Client, done: Callable[[], None]) -> None:
        """A turn at the microphone alone."""
        steps = iter(range(self.dice.randint(1, 8)))
        claim = Claim(client, self.name("claim"), ["microphone"], self._rank())
        Turn(self.floor, claim, lambda: next(steps, None) is not None, done)

    def hear(self, client: Client, done: Callable[[], None]) -> None:
        """A transcript, whose client asks for the rest where a supervisor is lost."""
        request = self.name("transcript")
        gapless, total = self.dice.random() < 0.5, self.dice.randint(1, 10)
        index, place = 0, 0.0

        def receive() -> bool:
            nonlocal index, place
            start = place if gapless else place + self.dice.choice((0, 0.5))
            place = start + self.dice.choice((0.25, 1.5))
            client.see.saw("segment", request, index=index, start=start, stop=place)
            index += 1
            return index < total

        self._stream(client, request, "transcribe", receive, lambda: place, lambda: True, gapless=gapless)
        done()

    def _stream(
        self,
        client: Client,
        request: str,
        op: str,
        receive: Callable[[], bool],
        length: Callable[[], float],
        repeatable: Callable[[], bool],
        **more: object,
    ) -> None:
        """A request of which pieces come one after the other, until it is done, fails, or its supervisor is lost."""
        attempt = 0

        def begin() -> None:
            client.on_loss[request] = lost
            client.send(lambda: client.hear(lambda: step(attempt)))

        def step(number: int) -> None:
            if number != attempt or request not in client.on_loss:
                return
            if self.dice.random() < 0.02:
                del client.on_loss[request]
                client.see.fail(request, self.dice.choice(CODES))
            elif receive():
                client.do(self.dice.uniform(0.02, 0.8), lambda: step(number))
            else:
                del client.on_loss[request]
                client.see.ok(request, length=length())

        def lost() -> None:
            nonlocal attempt
            attempt += 1
            client.see.saw("lost", request)
            if repeatable() and self.dice.random() < 0.8:
                client.see.saw("again", request)
                begin()
            elif self.dice.random() < 0.5:
                client.see.fail(request, "supervisor_lost")
            else:
                client.see.unknown(request, why="the supervisor was lost")

        client.see.invoke(request, op, **more)
        begin()

    def _rank(self) -> int:
        return self.dice.choice((0, 1, 2, 2, 2, 2, 3, 4))

    # --- leases ------------------------------------------------------------------------------------------------------

    def keep(self, client: Client, done: Callable[[], None]) -> None:
        """A job that keeps its worker for a while."""
        request, worker, holder = self.name("job"), self.dice.choice(WORKERS), self.dice.choice(HOLDERS)
        seconds = self.dice.choice((0, 5, 30, 300, -1))

        def work() -> None:
            if self.dice.random() < 0.1:
                self._answer(client, request, lambda: client.see.fail(request, "worker_crashed"))
                return
            if seconds:
                self.leases[worker, holder] = math.inf if seconds < 0 else self.house.now + seconds
            else:
                self.leases.pop((worker, holder), None)
            self._answer(client, request, lambda: client.see.ok(request))

        self._exchange(client, request, "other", work, worker=worker, holder=holder, keep_alive=seconds)
        done()

    def status(self, client: Client, done: Callable[[], None]) -> None:
        """The rows of all workers, as they are at one moment."""
        request = self.name("status")

        def look() -> None:
            now = self.house.now
            rows = {
                worker: {
                    holder: None if until == math.inf else round(until - now, 1)
                    for (of, holder), until in self.leases.items()
                    if of == worker and until > now
                }
                for worker in WORKERS
            }
            self._answer(client, request, lambda: show(rows))

        def show(rows: dict[str, dict[str, float | None]]) -> None:
            for worker, leases in rows.items():
                client.see.saw("worker", request, worker=worker, pid=1, leases=leases)
            client.see.ok(request, workers=list(rows))

        self._exchange(client, request, "status", look)
        done()

    def unload(self, client: Client, done: Callable[[], None]) -> None:
        """A person ends a worker, and its leases."""
        request, name = self.name("unload"), self.dice.choice((*WORKERS, "stt"))

        def work() -> None:
            for lease in [lease for lease in self.leases if lease[0].startswith(name)]:
                del self.leases[lease]
            self._answer(client, request, lambda: client.see.ok(request))

        self._exchange(client, request, "unload", work, workers=[name])
        done()

    def crash(self) -> None:
        """A worker is killed, and its leases end."""
        worker = self.dice.choice(WORKERS)
        self.house.harness.saw("fault", kind="killed", target=worker)
        for lease in [lease for lease in self.leases if lease[0] == worker]:
            del self.leases[lease]

    # --- people ------------------------------------------------------------------------------------------------------

    def pause(self, client: Client, done: Callable[[], None]) -> None:
        """A person silences everybody, and lets them go on after a while."""
        for op, paused, seconds in (("pause", True, 0.0), ("resume", False, self.dice.uniform(1, 8))):
            request = self.name(op)
            client.do(seconds, lambda op=op, paused=paused, request=request: self._control(client, request, op, paused))
        done()

    def _control(self, client: Client, request: str, op: str, paused: bool) -> None:
        def work() -> None:
            self.floor.pause(paused)
            self._answer(client, request, lambda: client.see.ok(request))

        self._exchange(client, request, op, work)

    def _exchange(self, client: Client, request: str, op: str, work: Callable[[], None], **more: object) -> None:
        """A question with one answer, which is not asked again."""

        def lost() -> None:
            client.see.unknown(request)

        client.see.invoke(request, op, **more)
        client.on_loss[request] = lost
        client.send(lambda: self.house.later(self.dice.random(), lambda: self._if_alive(client, work)))

    def _if_alive(self, client: Client, work: Callable[[], None]) -> None:
        if client.epoch == self.house.epoch:
            work()

    def _answer(self, client: Client, request: str, see: Callable[[], None]) -> None:
        def answer() -> None:
            if client.on_loss.pop(request, None):
                see()

        client.hear(answer)
