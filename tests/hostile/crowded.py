"""A hostile world with more in it: jobs that outgrow the machine, names without end, catalogues, and second hellos."""

from __future__ import annotations

from hushd_protocol import messages as m
from hushd_supervisor.core import events as ev
from hushd_supervisor.core import fleet

from .world import NAMES, Person, Process, World

FRESH = "stt/a/fresh"  # a name that nobody has used


class CrowdedWorld(World):
    """A `World` in which every job may take more memory than all workers together may have."""

    def person_does_something(self) -> None:
        here = [person for person in self.people if person.connected]
        person = self.dice.choice(here) if here else self.connect()
        x = self.dice.random()
        if x < 0.2:
            roles = self.dice.choice([[], ["stt"], ["tts"], ["stt", "tts"], ["tts", "tts"], ["models", "stt"], ["x"]])
            self.control(person, "describe", roles)
        elif x < 0.3:
            self.hello_again(person)
        elif x < 0.33:
            self.use_many_names(person)
        else:
            super().person_does_something()

    def hello_again(self, person: Person) -> None:
        """Another holder's name, or the same, from a client that is known: it stays who it was."""
        before = self.pool.connections[person.route]
        holder = self.dice.choice([None, "cli", "other", "x" * 300])
        self.tell(ev.FromClient(person.route, m.Hello(protocol=1, version="1", holder=holder)))
        assert self.pool.connections[person.route] is before, "a second hello changes something"

    def use_many_names(self, person: Person) -> None:
        """Asks for more workers than there may be."""
        for number in range(fleet.MAX_WORKERS + 3):
            if not self.left:
                self.request(person, worker=f"stt/a/m{number}", op="echo")

    def _work(self, process: Process, job: m.Job) -> None:
        if self.dice.random() < 0.2:
            self.at(0.1, lambda: self._grow(process))
        super()._work(process, job)

    def _grow(self, process: Process) -> None:
        """Takes memory for a job until its process ends, up to all that the machine has."""
        if process.alive:
            process.size = max(process.size, int(min(self.total, 2e9) * self.dice.choice([0.5, 0.85, 1.0])))

    def check(self) -> None:
        super().check()
        assert len(self.workers) <= fleet.MAX_WORKERS
        for worker in self.workers.values():
            assert "other" not in worker.holders(self.now), "a lease under the name of a second hello"

    def leave_all(self) -> None:
        for person in self.people:
            if person.connected and not self.left:
                person.connected = False
                self.tell(ev.ClientGone(person.route))

    def start_alone(self) -> None:
        """Whatever was asked before: on a machine without other workers every worker may start, and a new one too."""
        for name in (*NAMES, FRESH):
            self.leave_all()
            self.others = 0
            self.cards.all_is_well()
            person = self.connect()
            self.control(person, "unload", [], force=True)
            self.run(90)
            if self.left:
                return
            assert not any(process.alive for process in self.processes.values()), "not all were unloaded"
            assert not self.requests.busy, "requests of nobody"
            before = self._starts(name)
            request = self.request(person, worker=name, op="echo", deadline_ms=None)
            if self.cards.devices:
                self._wait(person, 6)  # the longest look
            else:
                assert request in person.open, f"{name} is barred"
            assert self._starts(name) > before, f"{name} is barred"

    def _starts(self, name: str) -> int:
        return sum(process.name == name for process in self.processes.values())

    def _wait(self, person: Person, seconds: int) -> None:
        """Lets time pass for a client that lives: one that answers nothing is given up after eight seconds."""
        for _ in range(seconds):
            self.run(1)
            if person.connected and not self.left:
                self.tell(ev.FromClient(person.route, m.Pong()))
