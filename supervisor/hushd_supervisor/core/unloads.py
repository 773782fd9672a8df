"""The clients' `unload`s, each answered when the processes that it ends are gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass, field

from .actions import Action, ToClient
from .worker.worker import Worker

MAX_UNLOADS = 64  # of one connection at a time


@dataclass(slots=True)
class _Unload:
    """An `unload` that waits for its processes to leave.

    Attributes:
        leaving: by worker: the generation that must leave.
        unloaded: the names of these workers, for the answer.
        busy: by worker: the number of other clients' jobs that keep it; the answer does not wait for these.
    """

    route: bytes
    id: bytes
    leaving: dict[str, int] = field(default_factory=dict)
    unloaded: list[str] = field(default_factory=list)
    busy: dict[str, int] = field(default_factory=dict)

    @property
    def answer(self) -> list[Action]:
        from hushd_schema.controls import EndedWorkers  # imported only when used

        ended = EndedWorkers(unloaded=tuple(self.unloaded), busy=self.busy)
        return [ToClient(self.route, m.Result(id=self.id, data=ended.data()))]


class Unloads:
    """All waiting `unload`s.

    Args:
        workers: every worker, by name; only read.

    Attributes:
        waiting: the `unload`s.
        changed: whether any may be complete, since a process has ended.
    """

    def __init__(self, workers: Mapping[str, Worker]) -> None:
        self._workers = workers
        self.waiting: list[_Unload] = []
        self.changed = False

    def awaited_by(self, route: bytes) -> bool:
        """Returns whether a client waits for an answer."""
        return any(unload.route == route for unload in self.waiting)

    def check(self, route: bytes) -> None:
        """Checks that a client may send another.

        Raises:
            HushdError: `overloaded` while too many of this client wait.
        """
        if sum(unload.route == route for unload in self.waiting) >= MAX_UNLOADS:
            raise HushdError("overloaded", f"{MAX_UNLOADS} `unload`s of this client wait already.", 1000)

    def add(self, route: bytes, name: bytes, workers: Iterable[Worker]) -> None:
        """Waits for these workers, which have been asked to leave."""
        unload = _Unload(route, name)
        for worker in workers:
            if jobs := worker.stays_for:
                unload.busy[worker.name] = jobs
            elif worker.state.has_process:
                unload.leaving[worker.name] = worker.gen
                unload.unloaded.append(worker.name)
        self.waiting.append(unload)
        self.changed = True

    def settle(self) -> list[Action]:
        """Answers the `unload`s whose processes are gone."""
        if not self.changed:
            return []
        self.changed = False
        pending = self.waiting
        for unload in pending:
            unload.leaving = {name: gen for name, gen in unload.leaving.items() if self._lives(name, gen)}
        self.waiting = [unload for unload in pending if unload.leaving]
        return [action for unload in pending if not unload.leaving for action in unload.answer]

    def _lives(self, name: str, gen: int) -> bool:
        worker = self._workers.get(name)
        return worker is not None and worker.gen == gen and worker.state.has_process
