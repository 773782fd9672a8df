"""The audit once all is calm: a supervisor says of itself what there is, and nobody has more than it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import blame, leaks, sessions
from .processes import MEGABYTE

if TYPE_CHECKING:
    from .world import World

SETTLE_S = 10.0  # after the last answer in which workers end what nobody wants any more
AUDIT_S = 10.0  # in which a supervisor must tell its status then
SETTLED = ("stopped", "ready", "backoff", "failed")
WITHIN_MB = 5.0  # between the account and the processes, for each of them


class Audit:
    """Asks the supervisors of all sessions for their status."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.reports: list[Any] = []

    def check(self) -> None:
        for process in blame.unexplained(self._world.storm, list(self._world.machine.processes.values())):
            self._world.violation(f"{process} ended with status {process.status}, which no fault explains")
        seen: set[int] = set()
        for session in self._world.folders:
            self.reports.clear()
            self._world.machine.start(
                ["simulation.programs.auditor"], self._world.environment(session), self._world.standard(), group=0
            )
            self._world.until(lambda: bool(self.reports), AUDIT_S)
            if not self.reports:
                self._world.violation(f"the supervisor has not told its status in {AUDIT_S:.0f} s")
            for status in self.reports:
                if status is not None and status.supervisor.pid not in seen:
                    seen.add(status.supervisor.pid)
                    self._check_status(status)
        if wrong := sessions.lost_pointer(self._world.machine, self._world.folder / "home", self._world.storm):
            self._world.violation(wrong)
        self._world.until(lambda: not self._world.machine.living("auditor"), AUDIT_S)
        self._world.saved.check()

    def audited(self, status: Any) -> None:
        self.reports.append(status)

    def _check_status(self, status: Any) -> None:
        """Checks what a supervisor says of itself against what there is."""
        pid = status.supervisor.pid
        children = {
            child.pid: child
            for child in self._world.machine.processes[pid].children
            if child.living and child.kind == "engine"
        }
        rows = {row.pid: row for row in status.workers if row.pid}
        for row in status.workers:
            if row.state not in SETTLED:
                self._world.violation(f"worker {row.name} is {row.state} {SETTLE_S:.0f} s after the last answer")
            if row.queued or row.running:
                self._world.violation(f"worker {row.name} has {row.queued} requests queued and {row.running} running")
            for holder in row.holders:
                self._check_lease(row.name, holder)
        if set(rows) != set(children):
            self._world.violation(f"supervisor {pid} has processes {sorted(children)}, and says {sorted(rows)}")
        processes = sum(child.private_memory for child in children.values()) / MEGABYTE
        if abs(status.memory.used_mb - processes) > WITHIN_MB * (1 + len(children)):
            self._world.violation(
                f"the account has {status.memory.used_mb:.0f} MB, and the processes {processes:.0f} MB"
            )
        if left := leaks.of_supervisor(self._world.machine.processes[pid]):
            self._world.violation(f"supervisor {pid} has more open files than it needs: {left}")
        floor = status.floor
        if floor.speaker or floor.microphone or floor.waiting:
            self._world.violation(f"the floor is not free: {floor}")

    def _check_lease(self, worker: str, holder: str) -> None:
        if not holder.startswith("client-"):
            self._world.violation(f"{holder!r} holds a lease on {worker} that nobody asked for")
