"""The clients' `unload`s, each answered when the processes that it ends are gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hushd_protocol import messages as m
from hushd_schema.status import EndedWorkers

from hushd_supervisor.core.actions import Action, ToClient
from hushd_supervisor.core.worker.worker import Worker


@dataclass(slots=True)
class _Unload:
    """An `unload` that waits for its processes to leave.

    Attributes:
        leaving: by worker: the generation that must leave.
        busy: by worker: the number of other clients' jobs that keep it; the answer does not wait for these.
    """

    route: bytes
    id: bytes
    leaving: dict[str, int] = field(default_factory=dict)
    unloaded: list[str] = field(default_factory=list)
    busy: dict[str, int] = field(default_factory=dict)

    @property
    def answer(self) -> Action:
        ended = EndedWorkers(unloaded=tuple(self.unloaded), busy=self.busy)
        return ToClient(self.route, m.Result(id=self.id, data=ended.data()))


class Unloads:
    """All waiting `unload`s."""

    def __init__(self, workers: Mapping[str, Worker]) -> None:
        self._workers = workers
        self._waiting: list[_Unload] = []

    @property
    def awaited(self) -> bool:
        """True if a client waits for an answer."""
        return bool(self._waiting)

    def awaited_by(self, route: bytes) -> bool:
        """Returns whether a client waits for an answer."""
        return any(unload.route == route for unload in self._waiting)

    def add(self, route: bytes, name: bytes, workers: Iterable[Worker]) -> None:
        """Waits for these workers, which have been asked to leave."""
        unload = _Unload(route, name)
        for worker in workers:
            if jobs := worker.stays_for:
                unload.busy[worker.name] = jobs
            elif worker.state.has_process:
                unload.leaving[worker.name] = worker.process.gen
                unload.unloaded.append(worker.name)
        self._waiting.append(unload)

    def answer_finished(self) -> list[Action]:
        """Answers the `unload`s whose processes are gone."""
        pending, self._waiting = self._waiting, []
        actions: list[Action] = []
        for unload in pending:
            unload.leaving = {name: gen for name, gen in unload.leaving.items() if self._stays(name, gen)}
            if unload.leaving:
                self._waiting.append(unload)
            else:
                actions.append(unload.answer)
        return actions

    def _stays(self, name: str, gen: int) -> bool:
        worker = self._workers.get(name)
        return worker is not None and worker.is_current(gen)
