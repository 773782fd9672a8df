"""Plants faults in the supervisor's pure modules, one at a time, and reports those that no test catches.

Each fault is a line that somebody could have got wrong. The tests of the state table, the races, the leases, the floor
and memory have to catch it, or else the fuzz test; a fault that lives means that a promise is not tested.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "supervisor" / "hushd_supervisor"
CORE = PACKAGE / "core"
FUZZ = ["tests/supervisor/core/test_pool_fuzz.py"]
TABLES = [
    "tests/supervisor/core/worker/test_states.py",
    "tests/supervisor/core/worker/test_races.py",
    "tests/supervisor/core/worker/test_leases.py",
    "tests/supervisor/core/test_pool_requests.py",
    "tests/supervisor/core/test_replicas.py",
    "tests/supervisor/core/test_sessions.py",
    "tests/supervisor/core/test_floor.py",
    "tests/supervisor/core/test_machines.py",
    "tests/supervisor/core/memory/test_pressure.py",
    "tests/supervisor/core/memory/test_admission.py",
    "tests/supervisor/core/memory/test_placement.py",
    "tests/supervisor/core/memory/test_shortage.py",
    "tests/supervisor/core/test_devices.py",
    "tests/supervisor/core/test_yields.py",
]

# (module, what is right, what is planted in its place)
FAULTS = (
    ("worker/worker", "if not self.lifecycle.is_current(gen):\n            return []\n        self.lifecycle.receive", "self.lifecycle.receive"),
    ("worker/lifecycle", "return gen == self.gen and self.state.has_process", "return gen == self.gen"),
    ("worker/worker", "if not self.lifecycle.is_current(gen):\n            return []\n        death", "death"),
    ("worker/worker", "if self.lifecycle.expected or (death.state is State.READY and status == 0):", "if self.lifecycle.expected:"),
    ("worker/worker", "lost = self.jobs.lose()", "lost = list(self.jobs.running.values())"),
    ("worker/worker", "elif self.crashes.too_many():", "elif False:"),
    ("worker/worker", "self.jobs.fail_waiting(*self._verdict, retry_after_ms=self.lifecycle.retry_ms(now))", "pass"),
    ("worker/worker", "if self._down or self._dispatch.held or explained:", "if explained:"),
    ("worker/lifecycle", "self.expected = self.killed = self.start_timed_out = False", "self.start_timed_out = False"),
    ("worker/dispatch", "elif state is State.DRAINING and not self._jobs.running:\n            self._lifecycle.leave(now)", "elif False:\n            pass"),
    ("worker/worker", "self.lifecycle.enter(State.STOPPED)\n        self._dispatch.settle(now)", "self.lifecycle.enter(State.STOPPED)"),
    ("worker/worker", "if self.state is State.READY and not self.settings.pinned:", "if self.state is State.READY:"),
    ("worker/lifecycle", "case State.BUSY:\n                self.drain(now)", "case State.BUSY:\n                self.kill(now)"),
    ("worker/lifecycle", "self._beat_due = now + BEAT_S  # every frame", "pass  # every frame"),
    ("worker/dispatch", "elif self._lifecycle.hangs(now):", "elif False:"),
    ("worker/dispatch", "elif self._jobs.stalled(now, self._lifecycle.settings.stall_timeout):", "elif False:"),
    ("worker/dispatch", "if self._jobs.cancel_ignored(now):", "if False:"),
    ("worker/dispatch", "self._lifecycle.kill(now, expected=True)\n        elif self._jobs.stalled", "self._lifecycle.kill(now)\n        elif self._jobs.stalled"),
    ("worker/lifecycle", "self._timer = math.inf if self.settings.pinned else until", "self._timer = until"),
    ("worker/worker", "if self.jobs.expire_waiting(now):", "if False:"),
    ("worker/worker", "if self.jobs.expire_waiting(now):\n            self._dispatch.settle(now)", "self.jobs.expire_waiting(now)"),
    ("worker/worker", "if request.done and (request.alone or not self.jobs.waiting):", "if request.done and not self.jobs.waiting:"),
    ("worker/worker", "if request.done and (request.alone or not self.jobs.waiting):", "if request.done and request.alone:"),
    ("worker/dispatch", "self._jobs.expire_running(now)", "pass"),
    ("worker/lifecycle", "min(now + self.settings.start_timeout, self._start_cap)", "now + self.settings.start_timeout"),
    ("worker/lifecycle", "if cpu_s - self._cpu_s < CPU_S:", "if cpu_s < self._cpu_s:"),
    ("worker/jobs", "self._to_client(request, message)\n        request.done = True", "self._to_client(request, message)\n        self._to_client(request, message)\n        request.done = True"),
    ("worker/jobs", "self.ended.append(request)", "pass"),
    ("worker/jobs", "self.waiting.remove(request)\n            self.fail(request, code)", "self.fail(request, code)"),
    ("worker/jobs", "if request.done or request.cancelled_at is not None:\n            request.ending", "if request.done:\n            request.ending"),
    ("worker/jobs", "if not request.take_output(now):\n                    return False", "request.take_output(now)"),
    ("worker/jobs", "if not request.gone:\n            self._out", "if True:\n            self._out"),
    ("worker/jobs", "del self.running[request.id]", "self.running.pop(b'', None)"),
    ("worker/request", "self.upload -= 1", "pass"),
    ("worker/request", "or chunk.seq != self.uploaded", ""),
    ("worker/request", "self.download -= 1\n        self.output = True", "self.download -= 1"),
    ("worker/request", "if self.download == 0:\n            self.starved_since = now\n        return True", "return True"),
    ("worker/request", "self.rank - int((now - self.arrived) / AGING_S)", "self.rank"),
    ("worker/leases", "self._until.pop(holder, None)", "self._until.clear()"),
    ("worker/leases", "return max(self._until.values())", "return min(self._until.values())"),
    ("worker/leases", "self._withdrawn = keep_alive == 0", "pass"),
    ("worker/crashes", "if now - entry[0] < WINDOW_S", "if True"),
    ("worker/crashes", "self._delay = BACKOFF_S\n\n    def explain", "pass\n\n    def explain"),
    ("memory/budget", "return max(over, short)", "return over"),
    ("memory/budget", "return max(over, short)", "return short"),
    ("memory/budget", "(r for r in residents if r.idle_s is not None and not r.leaving)", "residents"),
    ("memory/admission", "worker.lifecycle.pss or self.needs.memory(worker.name, card)", "worker.lifecycle.pss"),
    ("memory/budget", "memory.available - promised, memory.reserve", "memory.available, memory.reserve"),
    ("memory/admission", "if self.level is Level.CRITICAL:", "if False:"),
    ("memory/admission", "worker.refuse(now, message, CRITICAL_RETRY_MS) + worker.evict(now)", "worker.refuse(now, message, CRITICAL_RETRY_MS)"),
    ("memory/admission", "worker.refuse(now, message, CRITICAL_RETRY_MS) + worker.evict(now)", "worker.evict(now)"),
    ("memory/admission", "memory = self.look(now) if waiting else PLENTY", "memory = self._memory()"),
    ("memory/admission", "self._pressure.see(level, now)\n        self.look(now)", "self._pressure.see(level, now)"),
    ("memory/admission", "worker.jobs.economy = level >= Level.WARNING", "worker.jobs.economy = level >= Level.CRITICAL"),
    ("memory/admission", "if self.due <= now:", "if False:"),
    ("memory/admission", "if lives:", "if True:"),
    ("memory/admission", "max(self._pressure.level(now), sign(memory))", "self._pressure.level(now)"),
    ("memory/admission", "self._kept = dict(self.needs.table)\n        return", "return"),
    ("memory/admission", "{card.id: sum(tenant.cards.get(card.id, 0) for tenant in tenants) for card in cards}", "{}"),
    ("memory/admission", "if lifecycle.cards:\n            self.cards.forget()", "if False:\n            pass"),
    ("memory/admission", "if self._must_look(start, now):", "if False:"),
    ("memory/admission", "elif decision.place.card and self.cards.pending(decision.place.card):", "elif False:"),
    ("memory/admission", "return {card: self.needs.on_card(worker.name, card)}", "return {}"),
    ("memory/admission", "now < self._impatient_at(worker))", "True)"),
    ("memory/cards", "return not self.looking and now - self.seen_at <= FRESH_S", "return not self.looking"),
    ("memory/cards", "if self.looking:\n            return []", "if False:\n            return []"),
    ("memory/cards", "free = total if card.asleep else card.free", "free = card.free"),
    ("memory/cards", "if now < r.until and _awaited", "if _awaited"),
    ("memory/cards", "free - promised", "free"),
    ("memory/cards", "        self.forget()\n\n    def forget", "\n    def forget"),
    ("memory/needs", "known is None else known", "not known else known"),
    ("memory/needs", "return not name.startswith(\"models/\") and (not sizes or any(sizes))", "return not name.startswith(\"models/\")"),
    ("memory/needs", "(self.table.get(f\"{own}@cuda\", 0) if card else 0) or ", ""),
    ("memory/placement", "residents += self._cards.pending(card.id)", "pass"),
    ("memory/placement", "return Verdict(admit, wait=not admit)", "return Verdict(True)"),
    ("memory/placement", "if tenant.cards.get(card.id)]", "]"),
    ("memory/placement", "machine._replace(verdict=machine.verdict & verdict)", "machine._replace(verdict=verdict)"),
    ("memory/placement", "asked in (*ON_CARDS, card.device)", "True"),
    ("memory/budget", "return Verdict(False, tuple(dict.fromkeys(self.evict + other.evict)), wait=True)", "return Verdict(False, self.evict, wait=True)"),
    ("memory/needs", "max(need, min(free, 2 * need))", "free"),
    ("memory/placement", "if found.verdict.admit or found.verdict.wait else found._replace(place=Place())", ""),
    ("memory/placement", "if waits and (patient or not start.may_be_on_cpu):", "if waits:"),
    ("yields", "if missing > 0:", "if True:"),
    ("yields", "return not idle, resident", "return idle, resident"),
    ("yields", "max(0, total - others - entry.size) if entry.size else 0", "0"),
    ("yields", "if entry.leaving:\n            return None, []", "pass"),
    ("yields", "if any(self._cards.pending(card.id) for card in cards):", "if False:"),
    ("yields", " - sum(resident.size for resident in leaving)", ""),
    ("yields", "waiting, self.waiting = self.waiting, []", "waiting, self.waiting = [], []"),
    ("memory/pressure", "if now >= self._warning_until:", "if now > self._warning_until:"),
    ("memory/pressure", "if level >= Level.WARNING:\n            self", "if level == Level.WARNING:\n            self"),
    ("memory/pressure", "memory.available < VERY_LOW * memory.total", "memory.available <= VERY_LOW * memory.total"),
    ("pool", "request.degraded = chosen != name", "pass"),
    ("fleet", "worker.jobs.economy = self.admission.level >= Level.WARNING", "pass"),
    ("fleet", "worker.state in WARM) or not self.admission.short(now)", "worker.state in WARM) or self.admission.level is Level.NORMAL"),
    ("worker/worker", "if (late := now - self.deadline()) > LATE_S:", "if False:"),
    ("worker/worker", "self.lifecycle.excuse(late + BEAT_S)", "self.lifecycle.excuse(late)"),
    ("worker/worker", "self.jobs.excuse(late + BEAT_S)", "pass"),
    ("worker/worker", "self._dispatch.recycle(now)", "pass"),
    ("worker/lifecycle", "return 2 * size + 1e9 if size else math.inf", "return math.inf"),
    ("pool", "del self._requests[request.key]", "self._requests.get(request.key)"),
    ("pool", "request.gone = True", "pass"),
    ("pool", "if resting and not self._left:", "if resting:"),
    ("pool", "connection.unanswered = 0", "pass"),
    ("pool", "and (route, name) not in self._requests", ""),
    ("worker/death", "request.killed.append(crashes)", "pass"),
    ("worker/death", "record.explain(request.key)", "pass"),
    ("worker/death", "for record in request.killed:", "for record in (crashes,):"),
    ("worker/death", "if second and len(lost) == 1:", "if second:"),
    ("worker/dispatch", "if not self._lifecycle.retires:\n            self._run_next(now)", "self._run_next(now)"),
    ("worker/dispatch", "if self._lifecycle.retiring:\n            self._replace(now)", "if False:\n            self._replace(now)"),
    ("worker/worker", "and not self.lifecycle.retires and", "and"),
    ("worker/worker", "if request.done:\n                self.leases", "if True:\n                self.leases"),
    ("worker/jobs", "request.ending = code if request.ending == \"worker_stopped\" else request.ending", "pass"),
    ("worker/jobs", "for request in [t for t in (*self.waiting, *self.running.values()) if t.route == route]:", "for request in [*self.waiting, *self.running.values()]:"),
    ("worker/jobs", "case m.Error() if request.ending == \"worker_stopped\" and request.repeatable:", "case m.Error() if False:"),
    ("worker/jobs", "request.cancelled_at, request.ending = None, \"\"", "pass"),
    ("worker/worker", "self.jobs.repeat_none()", "pass"),
    ("replicas", "counted = taking if living and may_be_replaced(living[0]) else living", "counted = living"),
    ("replicas", "if not taking and any(map(stuck, living)):", "if False:"),
    ("replicas", "if all(w.lifecycle.retires for w in open_) else []", ""),
    ("fleet", "out += worker.carry_on(now)", "pass"),
    ("unloads", "unload.busy[worker.name] = jobs", "pass"),
    ("worker/lifecycle", "self.start_s = now - self._started_at", "pass"),
    ("worker/worker", "max(0, message.sessions)", "0"),
    ("worker/worker", "max(1, message.slots), max(0, message.sessions)", "message.slots, message.sessions"),
    ("worker/worker", "self.jobs.queue.sort(now)\n        self._dispatch.settle", "self._dispatch.settle"),
    ("worker/worker", "self.jobs.queue.serve(request, now)", "self.jobs.waiting.remove(request)"),
    ("worker/worker", "self.state in (State.READY, State.BUSY) and", "self.state.has_process and"),
    ("worker/queue", "(apart or not held) and", "True and"),
    ("worker/queue", "(apart or not held) and", "not held and"),
    ("worker/queue", "return request.session and self.sessions > 0", "return request.session"),
    ("worker/queue", "return request.session and self.sessions > 0", "return self.sessions > 0"),
    ("worker/queue", ">= (self.sessions if kind else self.slots)", "> (self.sessions if kind else self.slots)"),
    ("worker/queue", ">= (self.sessions if kind else self.slots)", ">= self.slots"),
    ("worker/queue", "if any(other.message.id == request.message.id for other in running):", "if False:"),
    ("worker/queue", "suspects = request.alone or any(other.alone for other in running)", "suspects = request.alone"),
    ("worker/queue", "suspects = request.alone or any(other.alone for other in running)", "suspects = any(other.alone for other in running)"),
    ("worker/queue", "request.session or not suspects or all(", "not suspects or all("),
    ("worker/queue", "all(other.session for other in running)", "not running"),
    ("worker/queue", "places[kind] += 1", "places[0] += 1"),
    ("worker/queue", "sum(self._apart(other) == self._apart(request) for other in before)", "len(before)"),
    ("worker/queue", "self._fits(request, running) and not any(", "not any("),
    ("worker/queue", "[t for t in self.waiting if self._apart(t) == kind]", "self.waiting"),
    ("worker/jobs", "self._usual_s[request.session] = 0.8", "self._usual_s[False] = 0.8"),
    ("worker/request", "            session=message.session,\n", ""),
    ("worker/request", "self.message.attempt > 0 and not self.session", "self.message.attempt > 0"),
    ("replicas", "max(request.arrived, worker.lifecycle.ready_at)", "request.arrived"),
    ("replicas", "min(since) + min(worker.lifecycle.start_s for worker in living)", "min(since)"),
    ("replicas", "len(counted) >= most or any", "any"),
    ("replicas", "worker.state is not State.BUSY for worker in living", "False for worker in living"),
    ("replicas", "max(queues, key=lambda worker: (worker.state is State.BUSY, len", "min(queues, key=lambda worker: (worker.state is State.BUSY, len"),
    ("replicas", "+ (others or taken)", "+ others"),
    ("replicas", "+ (others or taken)", "+ taken"),
    ("replicas", "request.route not in served for", "True for"),
    ("replicas", "max(1, min(MOST[role], cores // CORES))", "min(MOST[role], cores // CORES)"),
    ("replicas", "worker.jobs.sessions and not worker.jobs.queue.sessions", "worker.jobs.sessions"),
    ("replicas", "min(settings.max_replicas, cores)", "settings.max_replicas"),
    ("replicas", "closed = (State.STOPPED, State.FAILED)", "closed = (State.STOPPED,)"),
    ("replicas", "if free:\n        return min(free", "if False:\n        return min(free"),
    ("fleet", "self._help_at = min(self._help_at, due)", "pass"),
    ("fleet", "due = self._no_help_before[name] = now", "due = now"),
    ("fleet", "self._no_help_before[base(worker.name)] = now + FUTILE_S", "pass"),
    ("fleet", "                if place:", "                if place := place or family[0].lifecycle.place:"),
    ("fleet", "out += self.workers[request.worker].give(request, now) + worker.adopt(request, now)", "break"),
    ("memory/admission", "if any(worker.state is State.WAITING for worker in self._workers.values()):\n            return None", "if False:\n            return None"),
    ("memory/admission", "self._pressure.level(now) is Level.NORMAL and decision", "decision"),
    ("memory/admission", "if not shortage.final and (idle or any(", "if (idle or any("),
    ("memory/admission", "shortage.evicted = True\n", "pass\n"),
    ("memory/admission", "if not shortage.final and shortage.evicted:", "if not shortage.final:"),
    ("memory/admission", "return not shortage.on_card or ", "return True or "),
    ("worker/worker", "if self.state is State.STOPPED:\n            self.shortage, self.exile = None, \"\"", "if False:\n            pass"),
    ("worker/worker", "final=self.shortage is not None", "final=False"),
    ("worker/worker", "if on_card and not self.exile and self.may_leave_card:", "if not self.exile and self.may_leave_card:"),
    ("worker/worker", "if status == EXIT_CARD_FAILED and self.may_leave_card:", "if status == EXIT_CARD_FAILED:"),
    ("worker/worker", "self.shortage, self.exile = None, \"\"\n                self", "self"),
    ("worker/jobs", "if not request.degraded]", "]"),
    ("worker/jobs", "request.degraded = True\n", "pass\n"),
    ("worker/dispatch", "if self._lifecycle.computes_on(self._jobs.device_asked):", "if True:"),
    ("worker/dispatch", "if not self._jobs.running:\n            if self._lifecycle.state is State.BUSY:", "if True:\n            if self._lifecycle.state is State.BUSY:"),
    ("worker/lifecycle", "if self.exile and now - self.ready_at >= EXILE_S:", "if False:"),
    ("worker/death", "if self.short:", "if False:"),
    ("fleet", "return out + self.admission.settle(now) if out else out", "return out"),
    ("floor", "if claim.paused or claim.route in self._silent or claim.devices & promised:", "if claim.route in self._silent or claim.devices & promised:"),
    ("floor", "if claim.paused or claim.route in self._silent or claim.devices & promised:", "if claim.paused or claim.devices & promised:"),
    ("floor", "if claim.paused or claim.route in self._silent or claim.devices & promised:", "if claim.paused or claim.route in self._silent:"),
    ("floor", "held |= dict.fromkeys(claim.devices, claim)", "pass"),
    ("floor", "key=lambda claim: (claim.rank, claim.number)", "key=lambda claim: claim.number"),
    ("floor", "key=lambda claim: (claim.rank, claim.number)", "key=lambda claim: (claim.rank, -claim.number)"),
    ("floor", "claim.rank <= MESSAGE and all(", "all("),
    ("floor", "all(c.leaves or c.rank > claim.rank for c in before)", "all(c.leaves or c.rank >= claim.rank for c in before)"),
    ("floor", "all(c.leaves or c.rank > claim.rank for c in before)", "any(c.leaves or c.rank > claim.rank for c in before)"),
    ("floor", "if not other.leaves:\n", "if True:\n"),
    ("floor", "promised |= claim.devices\n            elif", "pass\n            elif"),
    ("floor", "elif now - claim.asked >= PATIENCE_S:\n                promised |= claim.devices", "elif False:\n                pass"),
    ("floor", "elif now - claim.asked >= PATIENCE_S:", "else:"),
    ("floor", "claim.until = min(claim.until, now + GRACE_S)\n        else:\n            self._forget(claim)", "self._forget(claim)\n        else:\n            self._forget(claim)"),
    ("floor", "claim.until = min(claim.until, now + GRACE_S)\n        else:", "pass\n        else:"),
    ("floor", "if claim.over or not keep:\n            self._forget(claim)", "self._forget(claim)"),
    ("floor", "if not claim.over and not keep:", "if not keep:"),
    ("floor", "if claim is None or claim.over:", "if claim is None:"),
    ("floor", "self._seen[route] = now\n        if route not in self._silent:\n            return []", "if route not in self._silent:\n            return []"),
    ("floor", "self._silent.discard(route)\n        return self._settle(now)", "return self._settle(now)"),
    ("floor", "if at + LEASE_S <= now and route not in self._silent:", "if at + LEASE_S <= now:"),
    ("floor", "(ToClient(route, m.Ping()), Log(", "(Log("),
    ("floor", "if claim.until <= now or claim.route in self._silent:", "if claim.until <= now:"),
    ("floor", "if claim.until <= now or claim.route in self._silent:", "if claim.route in self._silent:"),
    ("floor", "if route not in self._silent]\n        return min", "]\n        return min"),
    ("floor", "mine.paused = mine.speaks and (self._all_paused or route in self._paused)", "mine.paused = mine.speaks and route in self._paused"),
    ("floor", "mine.paused = mine.speaks and (self._all_paused or route in self._paused)", "mine.paused = mine.speaks and self._all_paused"),
    ("floor", "mine.paused = mine.speaks and", "mine.paused ="),
    ("floor", "if c.route == route and c.speaks and not c.over", "if c.speaks and not c.over"),
    ("floor", "if c.route == route and c.speaks and not c.over", "if c.route == route and not c.over"),
    ("floor", "ENDS[rank][0 if other.holds else 1]", "ENDS[rank][0]"),
    ("floor", "if rank == NOTIFICATION and any(not other.over for other in own):", "if rank == NOTIFICATION and own:"),
    ("floor", "if action == \"stop\" and not chosen and not claim.holds:", "if action == \"stop\" and not claim.holds:"),
    ("floor", "if action == \"stop\" and not chosen and not claim.holds:", "if False:"),
    ("floor", "if claim.paused and claim.holds:\n                    claim.until", "if False:\n                    claim.until"),
    ("floor", "self._paused.discard(route)\n        for", "for"),
    ("floor", "self._silent.discard(claim.route)", "pass"),
    ("floor", "if not claim.over and claim.state != claim.reported:", "if claim.state != claim.reported:"),
    ("floor", "claim.reported = claim.state\n", "pass\n"),
    ("floor", "if self._closed:\n            out", "if False:\n            out"),
    ("floor", "if len(self._claims) >= MAX_CLAIMS:", "if False:"),
    ("claim", "({NOTIFICATION}, {NOTIFICATION}),", "({NOTIFICATION}, set()),"),
    ("claim", "(set(), {PROGRESS}),", "({PROGRESS}, {PROGRESS}),"),
    ("claim", 'return "paused" if self.paused else "waiting"', 'return "waiting"'),
    ("claim", "if self.holds and not self.leaves:", "if self.holds:"),
    ("machines", 'case m.Request(input="path"):', 'case m.Request(input="paths"):'),
    ("machines", 'if message.op != "pull":', "if False:"),
    ("machines", 'case m.Control(action="unload", force=True):', 'case m.Control(action="unload", force=None):'),
    ("machines", "if message.action not in _CONTROLS:", "if False:"),
    ("machines", 'params={key: message.params[key] for key in _PULL if key in message.params}', "params=message.params"),
    ("floors", "floor = self._floors[name]", "floor = self._here"),
    ("floors", "floor.shut(0.0)", "pass"),
    ("connections", 'holder = f"{name}:{holder}"', "pass"),
    ("pool", "request.message = replace(request.message, keep_alive=None)", "pass"),
    ("worker/leases", "if not holder.startswith(holders)}", "}"),
)  # fmt: skip


def caught(folder: Path, tests: list[str], seeds: int) -> bool:
    environment = os.environ | {"PYTHONPATH": str(folder), "HUSHD_FUZZ_SEEDS": str(seeds)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout", "120", *tests]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode != 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="plant faults only in modules whose names begin so, such as worker/")
    parser.add_argument("--seeds", type=int, default=1000, help="of the fuzz test for each fault; default: 1000")
    options = parser.parse_args()
    began, by_fuzz, by_tables, alive = time.monotonic(), 0, 0, []
    with tempfile.TemporaryDirectory(prefix="hushd-") as name:
        folder = Path(name)
        if caught(folder, FUZZ + TABLES, options.seeds):
            print("scripts/mutants: the tests fail without any fault planted", file=sys.stderr)
            return 2
        faults = [fault for fault in FAULTS if fault[0].startswith(options.only)]
        for module, right, wrong in faults:
            shutil.copytree(PACKAGE, folder / PACKAGE.name, dirs_exist_ok=True)
            source = folder / PACKAGE.name / CORE.name / f"{module}.py"
            text = source.read_text()
            if text.count(right) < 1:
                print(f"scripts/mutants: {module}.py has no {right!r} any more", file=sys.stderr)
                return 2
            source.write_text(text.replace(right, wrong, 1))
            if caught(folder, TABLES, 1):  # first, because they take a second
                by_tables += 1
            elif caught(folder, FUZZ, options.seeds):
                by_fuzz += 1
            else:
                alive.append((module, right))
                print(f"LIVES  {module}: {right!r} -> {wrong!r}", flush=True)
    total = len(faults)
    print(
        f"{total} faults planted, {total - len(alive)} caught: {by_tables} by the tables, {by_fuzz} more by the fuzz test"
        f" ({time.monotonic() - began:.0f} s)"
    )
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
