"""A made-up world in which every promise is kept: its time, its clients' connections, and its faults.

It knows nothing of hushd but the promises. Messages take their time, in order on each connection; a client that is
stopped acts and hears nothing meanwhile; one that is killed never again; a supervisor that is killed takes all that it
granted with it, and its clients learn of it late.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import count

from ..events import Event
from ..recorder import Recorder

SLACK_S = 1.0  # that the checker is told; a message and its reader together take less


class House:
    """Time and dice.

    Attributes:
        epoch: of the supervisor that lives now.
    """

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.now = 0.0
        self.epoch = 1
        self.lines: list[bytes] = []
        self.clients: list[Client] = []
        self.on_death: list[Callable[[], None]] = []  # of the supervisor
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = count()
        self.harness = self.recorder("harness")

    def recorder(self, party: str) -> Recorder:
        return Recorder(party, self.lines.append, lambda: self.now)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self.at(self.now + seconds, act)

    def at(self, time: float, act: Callable[[], None]) -> None:
        """Has something happen at a time, after all else that was to happen then."""
        heapq.heappush(self._due, (time, next(self._count), act))

    def run(self) -> None:
        """Lets everything happen until nothing is left to do."""
        while self._due:
            self.now, _, act = heapq.heappop(self._due)
            act()

    def events(self) -> list[Event]:
        return sorted((Event.of(line) for line in self.lines), key=lambda event: event.at)

    def latency(self) -> float:
        """The seconds that a message takes: hardly any, as a rule."""
        return self.dice.choice((0.001, 0.01, 0.1, 0.4)) * self.dice.random()

    def kill_supervisor(self) -> None:
        """Kills the supervisor; the next one is there at once."""
        self.harness.saw("fault", kind="killed", target="supervisor")
        self.epoch += 1
        for act in self.on_death:
            act()
        for client in self.clients:
            client.lose()


class Client:
    """A client and its connection.

    Attributes:
        stopped_until: it acts and hears nothing before.
        on_loss: called when its connection is lost, in the order in which they were added.
    """

    def __init__(self, house: House, name: str) -> None:
        self.house = house
        self.name = name
        self.dead = False
        self.stopped_until = 0.0
        self.on_loss: dict[str, Callable[[], None]] = {}  # by request
        self.see = house.recorder(name)
        self.epoch = house.epoch  # of the supervisor that it is connected to
        self._missed: list[Callable[[], None]] = []  # while it was stopped
        self._to = self._from = 0.0  # when the last message each way arrives
        house.clients.append(self)

    def do(self, seconds: float, act: Callable[[], None]) -> None:
        """Acts later, and later still while it is stopped."""

        def when_it_can() -> None:
            if self.house.now < self.stopped_until:
                self._missed.append(act)
            elif not self.dead:
                act()

        self.house.later(seconds, when_it_can)

    def _wake(self) -> None:
        """Does what it has missed, in the order in which it would have been."""
        while self._missed and self.house.now >= self.stopped_until and not self.dead:
            self._missed.pop(0)()

    def send(self, act: Callable[[], None]) -> None:
        """Has the supervisor do something, once the message is there, unless one of the two is gone by then."""
        epoch = self.epoch
        self._to = max(self._to, self.house.now + self.house.latency())
        self.house.later(self._to - self.house.now, lambda: act() if epoch == self.house.epoch else None)

    def hear(self, act: Callable[[], None]) -> None:
        """Has the client see what the supervisor sends now; it may arrive even if the supervisor dies meanwhile."""
        self._from = max(self._from, self.house.now + self.house.latency())
        self.do(self._from - self.house.now, act)

    def lose(self) -> None:
        """Its connection ends; it learns of it when it has seen all that came before, and connects anew."""

        def learn() -> None:
            if self.epoch == self.house.epoch:
                return  # of the one before it it has not even heard
            self.epoch = self.house.epoch
            for request, act in list(self.on_loss.items()):
                del self.on_loss[request]
                act()

        self.hear(learn)

    def stop(self, seconds: float) -> None:
        self.house.harness.saw("fault", kind="stopped", target=self.name, until=self.house.now + seconds)
        self.stopped_until = max(self.stopped_until, self.house.now + seconds)
        self.house.at(self.stopped_until, self._wake)

    def kill(self) -> None:
        self.house.harness.saw("fault", kind="killed", target=self.name)
        self.dead = True
