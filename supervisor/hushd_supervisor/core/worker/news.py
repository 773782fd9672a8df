"""The news of a worker's living process: its start, its messages, and that it cannot be reached."""

from __future__ import annotations

from hushd_protocol import messages as m
from hushd_protocol.errors import CODES, HushdError

from hushd_supervisor.core.actions import Action

from .crashes import Crashes
from .dispatch import Dispatcher
from .jobs import Jobs
from .leases import Leases
from .lifecycle import WATCHED, Lifecycle
from .outbox import Outbox
from .progress import Used
from .shortage import Shortage
from .states import State
from .tenancy import Tenancy


class News:
    """Decides what follows from a process's news; news of an earlier generation is dropped.

    Attributes:
        compute_device, why_there: where the last process that became ready computes, and why, from its capabilities.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        jobs: Jobs,
        leases: Leases,
        dispatch: Dispatcher,
        tenancy: Tenancy,
        crashes: Crashes,
        outbox: Outbox,
    ) -> None:
        self._lifecycle = lifecycle
        self._jobs = jobs
        self._leases = leases
        self._dispatch = dispatch
        self._tenancy = tenancy
        self._crashes = crashes
        self._outbox = outbox
        self.compute_device = self.why_there = ""

    def spawned(self, gen: int, now: float) -> None:
        """Notes that the process of generation `gen` runs."""
        if self._lifecycle.is_current(gen):
            self._lifecycle.spawned(now)

    def gauged(self, gen: int, used: Used, now: float) -> None:
        """Notes how much the starting process of generation `gen` has used."""
        self._lifecycle.gauged(gen, used, now)

    def receive(self, gen: int, message: m.Message, now: float) -> list[Action]:
        """Handles a message of generation `gen`."""
        if not self._lifecycle.is_current(gen):
            return []
        self._lifecycle.receive(message, now)
        match message:
            case m.Chunk() | m.Partial() | m.Progress() | m.Credit() | m.Result() | m.Error():
                self._answer(message.id, message, now)
            case m.Ready() if self._lifecycle.state is State.STARTING:
                self._loaded(message, now)
            case m.LoadFailed() if self._lifecycle.state is State.STARTING:
                self._not_loaded(message, now)
            case m.Beat():
                self._jobs.running.spend(self._lifecycle.wear.spent(message.cpu_s))
                if self._lifecycle.wear.has_worked(message.cpu_s):
                    self._jobs.running.touch(now)
                self._dispatch.watch(now)
                self._dispatch.recycle(now)
            case m.Bye():
                if self._lifecycle.state is State.READY:
                    self._lifecycle.log("WARNING", f"{self._lifecycle.name} leaves unasked")
                    self._lifecycle.leaves(now)
                self._lifecycle.send(m.Bye())
        return self._outbox.take()

    def unreachable(self, gen: int, now: float) -> list[Action]:
        """Kills the process: a message for it could not be sent, or it sent garbage."""
        reachable = (State.STARTING, State.READY, *WATCHED)
        if gen == self._lifecycle.gen and self._lifecycle.state in reachable:
            self._lifecycle.kill(now)
        return self._outbox.take()

    # --- inside --------------------------------------------------------------------------------------------------

    def _loaded(self, ready: m.Ready, now: float) -> None:
        """Takes the capabilities that the process reports; kills it if they are malformed."""
        from hushd_schema.results import Capabilities  # imported once there is a worker

        try:
            capabilities = Capabilities.from_data(ready.capabilities, f"The capabilities of {self._lifecycle.name}")
        except HushdError as error:
            self._lifecycle.log("ERROR", error.message)
            self._lifecycle.kill(now)
            return
        queue = self._jobs.queue
        queue.slots, queue.sessions, queue.aside = max(1, ready.slots), max(0, ready.sessions), max(0, ready.aside)
        self.compute_device, self.why_there = capabilities.compute_device, capabilities.why_there
        placement = {"compute_device": self.compute_device, "why_there": self.why_there}
        self._dispatch.placement = placement if self.why_there else {}
        self._tenancy.forget()
        self._crashes.stalled = 0
        self._lifecycle.become_ready(ready, capabilities.compute_device, now, capabilities.suspends)
        self._leases.use("", None, now)
        self._dispatch.settle(now)

    def _not_loaded(self, failed: m.LoadFailed, now: float) -> None:
        """Refuses the waiting requests, unless memory was short: then admission decides."""
        if failed.code == "server_busy" and self._jobs.waiting:
            final = self._tenancy.shortage is not None
            self._tenancy.shortage = Shortage(failed.message, failed.on_card, final)
        else:
            self._jobs.fail_waiting(failed.code if failed.code in CODES else "worker_failed", failed.message)
        self._lifecycle.leaves(now)

    def _answer(self, request_id: bytes, message: m.Message, now: float) -> None:
        """Passes a message of the process to the client of a running request."""
        request = self._jobs.running.get(request_id)
        if request is None:  # the request may have ended while the message was on its way
            return
        unheard = request.done
        if not self._jobs.receive(request, message, now):
            self._lifecycle.log("ERROR", f"{self._lifecycle.name} sends without credit")
            if self._lifecycle.state in WATCHED:
                self._lifecycle.kill(now)
        elif request.id not in self._jobs.running:  # the request has ended, or is to be repeated
            if unheard:
                self._leases.worked(now)
            elif request.done:
                self._dispatch.lease(request, now)
            self._dispatch.settle(now)
