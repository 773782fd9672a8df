"""A pool and its workers without processes: a test decides what happens, and when time passes."""

from __future__ import annotations

import itertools
from typing import Any, TypeVar, cast

from hushd_protocol import messages as m
from hushd_protocol.cards import KINDS, Card
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_schema.settings import Settings
from hushd_schema.status import WorkerStatus
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.memory.needs import Estimated
from hushd_supervisor.core.memory.pressure import Level
from hushd_supervisor.core.pool import Pool
from hushd_supervisor.core.worker.states import State

A, B, C = "stt/a/x", "stt/b/y", "tts/c/z"
MB = 1_000_000
ROUTE = b"route"

DECODER = Decoder({*m.FROM_CLIENT, *m.FROM_WORKER})

T = TypeVar("T")
MessageT = TypeVar("MessageT", bound=m.Message)


def sent(message: MessageT) -> MessageT:
    """Returns a message as it arrives: equal, and its words are no longer the objects that the code compares with."""
    return cast(MessageT, unpack(pack(message), DECODER))


class House:
    """One client, one pool, and a machine of 1000 MB of which `available` are left; a worker needs 300 MB.

    `cards` are the graphics cards, which are seen as soon as the pool looks, unless `blind` is set;
    while it is `late`, a process that it starts does not run yet.
    """

    def __init__(self, worker: dict[str, dict[str, Any]] | None = None, **options: Any) -> None:
        needs = options.pop("needs", None)
        estimate = options.pop("estimate", lambda _: Estimated())
        self.cards: list[Card] = options.pop("cards", [])
        card_kinds = options.pop("card_kinds", lambda _: KINDS)
        self.blind = self.late = False
        auto = options.pop("auto", False)
        cores = options.pop("cores", 1)
        workers = {"": {"memory_mb": 300.0}, **(worker or {})}
        self.settings = Settings(worker=workers, stt="a/x", tts="c/z", **options)
        self.now = 100.0
        self.total, self.available = 1000 * MB, 900 * MB
        self.looks = 0
        self.pool = Pool(
            self.settings,
            version="1",
            pid=1,
            auto=auto,
            memory=self.memory,
            needs=needs,
            cores=cores,
            has_cards=lambda: bool(self.cards),
            estimate=estimate,
            card_kinds=card_kinds,
        )
        self.done: list[do.Action] = []  # all of them
        self._running: dict[tuple[str, int], dict[bytes, None]] = {}  # the jobs of each process
        self._ids = itertools.count(1)
        self.tell(ev.FromClient(ROUTE, m.Hello(protocol=1, version="1", holder="cli")))

    def memory(self) -> Memory:
        self.looks += 1
        return Memory(self.total, self.available)

    def press(self, level: Level) -> None:
        """Memory is short to that level until the pool has looked, which a process that lives has it do."""
        before, self.available = self.available, int(self.total * (0.1 if level is Level.WARNING else 0.05))
        looks = self.looks
        while self.looks == looks:
            due = self.pool.deadline()
            assert due is not None, "nobody looks"
            self.now = max(self.now, due)
            self.tick()
        self.available = before

    @property
    def pressure(self) -> list[str]:
        """The levels of memory pressure that the log has named."""
        begin = "memory pressure is "
        return [log.text.removeprefix(begin) for log in self.of(do.Log) if log.text.startswith(begin)]

    def tell(self, event: ev.Event) -> list[do.Action]:
        if isinstance(event, ev.FromWorker) and isinstance(event.message, m.Result | m.Error):
            self._running.get((event.worker, event.gen), {}).pop(event.message.id, None)
        return self._take(self.pool.handle(event, self.now))

    def _take(self, actions: list[do.Action]) -> list[do.Action]:
        self.done += actions
        for action in actions:
            if isinstance(action, do.ToWorker) and isinstance(action.message, m.Job):
                self._running.setdefault((action.worker, action.gen), {})[action.message.id] = None
        if any(isinstance(action, do.ToClient) and isinstance(action.message, m.Ping) for action in actions):
            self.tell(ev.FromClient(ROUTE, m.Pong()))
        for action in actions:
            if isinstance(action, do.Spawn) and not self.late:
                self.tell(ev.Spawned(action.worker, action.gen))
        if do.ProbeCards() in actions and not self.blind:
            self.see()
        return actions

    def see(self, error: str = "") -> None:
        self.tell(ev.CardsProbed(() if error else tuple(self.cards), error))

    def free(self, device: str, size: int) -> None:
        """Has so much of a card be free from now on."""
        self.cards = [card._replace(free=size) if card.device == device else card for card in self.cards]

    def tick(self, at: float | None = None) -> None:
        """The loop calls when something is due, or long after."""
        self.now = self.now if at is None else at
        self._take(self.pool.on_time(self.now))

    def wait(self, seconds: float) -> None:
        """Time passes, and due actions are done."""
        end = self.now + seconds
        while (due := self.pool.deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.tick()
        self.now = end

    def work(self, name: str, seconds: float) -> None:
        """Time passes, and a process at work beats every two seconds."""
        for beat in range(1, int(seconds / 2) + 1):
            self.wait(2.0)
            self.says(name, m.Beat(cpu_s=self.now + beat))

    def row(self, name: str) -> WorkerStatus:
        return next(row for _, row in self.pool.fleet.status(self.now) if row.name == name)

    def gen(self, name: str) -> int:
        return next(gen for gen, row in self.pool.fleet.status(self.now) if row.name == name)

    def state(self, name: str) -> State:
        """Its state; a worker that is not there has none of anything, as a stopped one."""
        states = {row.name: State(row.state) for _, row in self.pool.fleet.status(self.now)}
        return states.get(name, State.STOPPED)

    # --- the client --------------------------------------------------------------------------------------------------

    def request(self, worker: str, route: bytes = ROUTE, **fields: Any) -> bytes:
        name = next(self._ids).to_bytes(16, "big")
        self.tell(
            ev.FromClient(route, sent(m.Request(id=name, worker=worker, **{"op": "echo", "credit": 8, **fields})))
        )
        return name

    def control(self, action: str, *names: str, route: bytes = ROUTE, **fields: Any) -> bytes:
        name = next(self._ids).to_bytes(16, "big")
        self.tell(ev.FromClient(route, sent(m.Control(id=name, action=action, names=list(names), **fields))))
        return name

    def stranger(self) -> bytes:
        self.tell(ev.FromClient(b"stranger", m.Hello(protocol=1, version="1", holder="cli")))
        return b"stranger"

    def answer(self, request: bytes) -> m.Result | m.Error | None:
        found = [
            a.message
            for a in self.done
            if isinstance(a, do.ToClient) and isinstance(a.message, m.Result | m.Error) and a.message.id == request
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def refusal(self, request: bytes) -> m.Error:
        answer = self.answer(request)
        assert isinstance(answer, m.Error), answer
        return answer

    def code(self, request: bytes) -> str:
        """The end of a request: `result`, a code, or nothing yet."""
        answer = self.answer(request)
        return answer.code if isinstance(answer, m.Error) else "result" if answer else ""

    # --- workers -----------------------------------------------------------------------------------------------------

    def says(self, name: str, message: m.Message) -> None:
        self.tell(ev.FromWorker(name, self.gen(name), sent(message)))

    def ready(
        self, name: str, slots: int = 1, size: int = 300 * MB, sessions: int = 0, cards: dict[str, int] | None = None
    ) -> None:
        """Has loaded; `cards`: what it takes of each, whose free memory is less by that."""
        self.says(name, m.WorkerHello(token="t", protocol=1, version="1", pid=2))
        known = {"compute_device": "cuda" if cards else "cpu"}
        for card in self.cards:
            self.free(card.device, card.free - (cards or {}).get(card.id, 0))
        self.says(name, m.Ready(slots=slots, sessions=sessions, pss=size, capabilities=known, cards=cards or {}))

    def finish(self, name: str) -> None:
        """All that runs there has a result."""
        for request in list(self._running.get((name, self.gen(name)), ())):
            self.says(name, m.Result(id=request))

    def exit(self, name: str, status: int = 0, **fields: Any) -> None:
        self.tell(ev.Exited(name, self.gen(name), status, **fields))

    def leave(self, name: str) -> None:
        """It obeys its drain, and its memory of the cards is free."""
        self.says(name, m.Bye())
        taken = self.row(name).cards_mb
        for card in self.cards:
            self.free(card.device, card.free + int(taken.get(card.id, 0) * MB))
        self.exit(name)

    def idle(self, name: str, cards: dict[str, int] | None = None, **fields: Any) -> None:
        """Starts it by a request, and comes to rest."""
        self.request(name, **fields)
        self.ready(name, cards=cards)
        self.finish(name)
        assert self.state(name) is State.READY

    def busy(self, name: str) -> bytes:
        request = self.request(name)
        if self.state(name) is State.STARTING:
            self.ready(name)
        assert self.state(name) is State.BUSY
        return request

    # --- what was done -----------------------------------------------------------------------------------------------

    def of(self, kind: type[T]) -> list[T]:
        return [action for action in self.done if isinstance(action, kind)]

    def spawned(self) -> list[str]:
        return [action.worker for action in self.of(do.Spawn)]

    def placed(self) -> list[tuple[str, str]]:
        """The workers that were started, each with the device that was chosen for it."""
        return [(action.worker, action.card or action.compute_device) for action in self.of(do.Spawn)]

    def drained(self) -> list[str]:
        return [action.worker for action in self.of(do.ToWorker) if isinstance(action.message, m.Drain)]

    def jobs(self) -> list[m.Job]:
        return [action.message for action in self.of(do.ToWorker) if isinstance(action.message, m.Job)]
