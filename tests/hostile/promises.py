"""The promises of a hostile world, looked at after each step: of each worker, of its requests, and of all together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from hushd_protocol.names import base
from hushd_supervisor.core.memory.pressure import SMALL, Level, sign
from hushd_supervisor.core.worker.request import NOTICE_INTERVAL_S
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.worker.worker import Worker
from support.desk import jobs_of

if TYPE_CHECKING:
    from .world import World


class Promises:
    def __init__(self, world: World) -> None:
        self._world = world

    def check(self) -> None:
        world = self._world
        live = [p.name for p in self._world.processes.values() if p.alive]
        crowded = {base(name) for name, worker in world.workers.items() if jobs_of(worker).waiting}
        held = 0
        for name, worker in world.workers.items():
            self._check_state(worker, live.count(name))
            if jobs_of(worker).running or worker.retires or base(name) in crowded:
                self._check_places(worker)
            if jobs_of(worker).waiting or jobs_of(worker).running:
                self._check_aside(worker)
                held += self._check_requests(worker)
        if world.admission.level is sign(self._world.seen) is Level.CRITICAL:
            sizes = [worker.machine for worker in world.admission.uses(self._world.now)]
            idle = sum(r.size for r in sizes if r.idle_s is not None and not r.leaving)
            assert idle <= int(SMALL * self._world.seen.available), "idle under critical pressure"
        self._check_floor()
        assert held == len(world.requests.active), "a request that nobody holds"
        for person in world.people:
            assert world.requests.awaited_by(person.route) == bool(world.requests.of(person.route))

    def _check_state(self, worker: Worker, live: int) -> None:
        """Checks that a worker's state agrees with its processes and its requests."""
        state, waiting, running = worker.state, jobs_of(worker).waiting, jobs_of(worker).running
        assert live <= 1
        if state.has_process:
            # A failed spawn is known to the world a moment before the worker hears of it.
            known = live or self._world.processes[worker.name, worker.process.gen].mode == "no-spawn"
            assert known, "state without a process"
        else:
            assert not live, f"{state} with a process"
            assert not running
        leaving = self._world.departure.down or self._world.departure.renewing
        assert not (state is State.STOPPED and waiting) or leaving, "stopped with a queue"
        assert not (state is State.FAILED and waiting), "failed with a queue"
        assert not (leaving and state in (State.BACKOFF, State.FAILED)), "waits while shutting down"
        assert not (state is State.WAITING and not waiting), "waits for nobody"
        assert not (state is State.READY and running)
        assert not (state is State.READY and waiting), "ready, and somebody waits"
        assert not running or state in (State.BUSY, State.DRAINING, State.KILLING)
        assert jobs_of(worker).is_empty == (not waiting and not running), "an end that nobody has seen"

    def _check_requests(self, worker: Worker) -> int:
        """Checks each request that a worker has, and returns how many have not ended."""
        jobs, held = jobs_of(worker), 0
        files = [t for t in jobs.running.values() if not (t.session or t.without_slot)]
        assert len(files) == 1 or not any(t.alone for t in files), "a suspect runs beside others"
        last: dict[tuple[bytes, int, bool], Any] = {}
        for request in jobs.queue.order(self._world.now):
            alike = request.caller, request.rank, request.session
            assert alike not in last or last[alike] <= request.order, "one caller's equal requests out of order"
            last[alike] = request.order
        cancelled = [t for t in jobs.running.values() if t.done]
        if cancelled:
            assert all(t.cancelled for t in cancelled)
            self._world.events.add("an engine ends what nobody hears")
        for request in jobs.waiting:
            person = next(person for person in self._world.people if person.route == request.route)
            waited_s = self._world.now - person.heard[request.id]
            assert waited_s <= 5 or not person.connected, "somebody waits without a word"
        for request in (*jobs.waiting, *jobs.running.values()):
            if request in cancelled:
                continue
            assert not request.done
            assert not request.is_given_up
            assert request in self._world.requests.active
            held += 1
        return held

    def _check_places(self, worker: Worker) -> None:
        """No place is taken twice, and none is free that somebody waits for."""
        jobs = jobs_of(worker)
        if worker.holds_session and any(not t.session for t in jobs.waiting):
            self._world.events.add("a file waits for a session")
        if worker.state in (State.READY, State.BUSY):
            name, retires = base(worker.name), worker.retires
            others = [w for w in self._world.workers.values() if w is not worker and base(w.name) == name]
            # It may pass a suspect a bit later.
            aged = NOTICE_INTERVAL_S if any(request.alone for request in jobs.waiting) else 0.0
            ripe = jobs.queue.next(self._world.now) and jobs.queue.next(self._world.now - aged)
            assert retires or ripe is None, "somebody waits for a free place"
            for other in others:
                waiting = (t for t in jobs_of(other).waiting if t.message.op != "warm")
                assert not any(map(worker.would_run, waiting)), "a free replica nobody uses"
            if retires:
                self._world.events.add("a process retires")

    def _check_aside(self, worker: Worker) -> None:
        """Only who waits for its client or gives way is set aside, at once where that can be; no caller takes all."""
        jobs, process = jobs_of(worker), self._world.processes.get((worker.name, worker.process.gen))
        aside = [t for t in jobs.running.values() if t.without_slot]
        for request in aside:
            if request.key not in self._world.rested:
                self._world.rested.add(request.key)
                self._world.events.add("a job is set aside")
                assert request.waits_for_client or not request.endless, "a job at work is set aside"
                assert not request.session, "a session is set aside"
                self._world.events |= set() if request.endless else {"a job gives way"}
            elif not request.waits_for_client:
                self._world.events.add("a job goes on aside")
        if jobs.queue.has_side_places and worker.state is State.BUSY:
            until = min(t.idle_slot_until() for t in jobs.running.values())
            assert until >= self._world.now - 1e-6, "a pause holds a slot"
        if not process or not aside:
            return
        assert process.aside, "aside of a worker that has no places for it"
        assert len(aside) < process.aside + process.slots, "too many aside"
        for count in Counter(t.caller for t in aside).values():
            assert 2 * count <= process.aside + 2 * process.slots, "one caller has more than its share"
            if jobs.waiting and 2 * count >= process.aside:
                self._world.events.add("a client has its share of pauses")

    def _check_floor(self) -> None:
        claims = self._world.floor.claims
        for device in ("speaker", "microphone") if claims else ():
            holders = [c for c in claims if c.holds and device in c.devices]
            assert len(holders) <= 1, "two have one device"
            waiting = [c for c in claims if not c.holds and c.devices == {device} and not c.paused]
            awake = [c for c in waiting if self._world.floor.watches(c.route)]
            both = any(len(c.devices) == 2 and not c.holds for c in claims)
            assert holders or not awake or both, "somebody waits for a free device"
        people = {p.route: p for p in self._world.people} if claims else {}
        for claim in claims:
            assert claim.route in self._world.pool.connections, "a claim of nobody"
            assert claim.over or people[claim.route].turns[claim.id] == claim.state
        if self._world.floor.busy:
            due = self._world.pool.deadline()
            assert due is not None, "a client with a turn is not pinged"
            assert due <= self._world.now + 2, "a client with a turn is not pinged"
