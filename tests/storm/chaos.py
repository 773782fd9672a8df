"""Breaks everything around a real supervisor under the load of twenty clients, and counts the losses.

Two acts: in the first the supervisor itself is killed and told to leave, again and again, and clients start the next
one; in the second one supervisor lives through everything else, and its growth is counted from when it has loaded what
it needs. Every request is entered in the books when it is made, and must end in the right result or in one clear error;
on the wire, nothing may follow that end. When the faults of an act stop, everything comes to rest; and the histories of
all acts keep every promise that `history` knows. Afterwards no process, no descriptor and no file of ours may be left.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import hushd.transport.link
from benches.stage import busy_loops
from hushd import Client
from hushd_protocol.errors import HushdError

from .calm import calm, look
from .crowd import gather
from .faults import PAUSE_S, Faults
from .ledger import CHANGES, END_S, WEATHER, Ledger
from .performers import perform
from .stage import Census, Stage, descriptors, isolate, wait_until
from .vitals import Patience, Vitals
from .wire import watched
from .witness import Witness

FIRST_ACT, PRELUDE = 0.35, 0.15  # of the time; the rest is for the second act
LATE_S = 10.0  # for descriptors to be closed
ZEROS = ("lost", "duplicates", "orphans", "leaked_fds", "leaked_files", "violations")


class Size(NamedTuple):
    """The size of a storm, by the options of the same names."""

    chatterers: int
    bursts: int
    pause: float
    nice: int


def act(stage: Stage, ledger: Ledger, seconds: float, seed: str, size: Size, *, mortal: bool) -> Faults:
    """Twenty clients, chatterers and all faults for so long; returns when each has its answers."""
    ledger.weather = WEATHER | CHANGES if mortal else WEATHER
    ledger.witness.begin(seed)
    over = threading.Event()
    faults = Faults(stage, ledger, over, seed, mortal=mortal, pause=size.pause)
    crowd = [*gather(stage, ledger, over, seed, size.chatterers, size.bursts), *perform(stage, ledger, over, seed)]
    for thread in (*crowd, faults):
        thread.start()
    time.sleep(seconds)
    over.set()
    patience = Patience(END_S, ledger.witness.vitals)
    faults.join(END_S)
    calm(ledger)
    for thread in (faults, *crowd):
        while thread.is_alive() and (left := patience.left()) > 0:
            thread.join(left)
        if thread.is_alive():
            ledger.no_end(1, f"{thread.name} ({type(thread).__name__}) still waits {END_S:.0f} s after the storm")
    look(ledger)
    return faults


def rest(stage: Stage, ledger: Ledger, before: Census | None = None) -> Census:
    """The supervisor's resources when all workers have left and only we are connected.

    What it holds beyond `before` has some time to be closed: on a busy machine clients' ends arrive late.
    """
    with Client() as client:
        if not wait_until(lambda: not any(row.queued + row.running for row in client.status().workers), 30):
            ledger.complain(f"requests of clients that have left are still there: {client.status().workers}")
        client.unload()
        pid = client.status().supervisor.pid
        open_before = None
        while open_before != (now := stage.census(pid)).descriptors:  # clients' ends are still arriving
            open_before = now.descriptors
            time.sleep(0.5)
        if before:
            wait_until(lambda: not _more(before.descriptors, descriptors(pid)), LATE_S)
        return stage.census(pid)


def leave(stage: Stage, ledger: Ledger) -> list[int]:
    """Has the supervisor leave; returns the processes that are left a second later."""
    with Client(start=False) as client:
        if not client.shutdown(10):
            ledger.complain("the supervisor did not leave within 10 s")
    wait_until(lambda: not stage.processes(), 1.0)
    return stage.processes()


def run(
    seconds: float, seed: int, size: Size, logs: Path | None, histories: Path
) -> tuple[dict[str, object], list[str]]:
    """The totals, and the complaints."""
    began = time.monotonic()
    stage = Stage(nice=size.nice)
    vitals = Vitals(stage.run)
    ledger = Ledger(Witness(histories, vitals))
    hushd.transport.link.Connection = watched(ledger)  # type: ignore[misc]
    own_before = descriptors(os.getpid())
    vitals.start()
    try:
        first = act(stage, ledger, seconds * FIRST_ACT, f"{seed}-1", size, mortal=True)
        rest(stage, ledger)
        orphans = leave(stage, ledger)
        prelude = act(stage, ledger, seconds * PRELUDE, f"{seed}-prelude", size, mortal=False)
        before = rest(stage, ledger)
        second = act(stage, ledger, seconds * (1 - FIRST_ACT - PRELUDE), f"{seed}-2", size, mortal=False)
        after = rest(stage, ledger, before)
        if after.pid != before.pid:
            ledger.complain("the supervisor of the second act has not lived through it")
        orphans += leave(stage, ledger)
        files = stage.unexpected_files()
    finally:
        vitals.end()
        ledger.witness.end()
        stage.close(logs)
    judged, violations = ledger.witness.verdict()
    for sentence in violations:
        ledger.complain(sentence)
    gc.collect()
    wait_until(lambda: not _more(own_before, descriptors(os.getpid())), LATE_S)
    kept, own_kept = _more(before.descriptors, after.descriptors), _more(own_before, descriptors(os.getpid()))
    for name, left in (
        ("processes", orphans), ("descriptors", kept), ("clients' descriptors", own_kept), ("files", files),
    ):  # fmt: skip
        if left:
            ledger.complain(f"{name} were left: {', '.join(map(str, left))}")
    acts = (first, prelude, second)
    faults = sum((one.count for one in acts), Counter())
    totals: dict[str, object] = {
        "requests": ledger.requests,
        "results": ledger.results,
        "errors": dict(ledger.errors.most_common()),
        "faults": faults.total(),
        "lost": ledger.lost,
        "duplicates": ledger.duplicates,
        "orphans": len(orphans) + sum(one.orphans for one in acts),
        "leaked_fds": len(kept) + len(own_kept),
        "leaked_files": len(files),
        "violations": len(violations),
        "supervisor_growth_mb": round(after.megabytes - before.megabytes, 2),
        "seconds": round(time.monotonic() - began, 1),
        "starved": ledger.starved,  # of the errors, by a supervisor that got no processor
        "abandoned": ledger.abandoned,  # whose client cancelled them or left, on purpose
        "faults_by_kind": dict(faults.most_common()),
        "slowest_s": round(ledger.slowest[0], 1),
        "small_disks": stage.small_disks,
        "judged": dict(sorted(judged.items())),  # of the histories, by rule
        "seed": seed,
    }
    return totals, ledger.complaints


def _more(before: Counter[str], after: Counter[str]) -> list[str]:
    """The files opened since, where there are more descriptors than before."""
    return sorted((after - before).elements())[: max(0, after.total() - before.total())]


def _run(options: argparse.Namespace) -> tuple[dict[str, object], list[str]]:
    with tempfile.TemporaryDirectory(prefix="hushd-histories-") as name:
        folder = options.histories or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        size = Size(options.chatterers, options.bursts, options.pause, options.nice)
        return run(options.seconds, options.seed, size, options.logs, folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the storm lasts (60; 300 at night)")
    parser.add_argument("--seed", type=int, default=0, help="of all dice")
    parser.add_argument(
        "--chatterers", type=int, default=0, metavar="N", help="N clients more, which only ask much (0)"
    )
    parser.add_argument(
        "--bursts", type=int, default=1, metavar="N", help="of a chatterer in a row, while its worker answers (1)"
    )
    parser.add_argument(
        "--pause", type=float, default=PAUSE_S, metavar="SECONDS", help="between two faults, on average (%(default)s)"
    )
    parser.add_argument(
        "--nice", type=int, default=0, metavar="N", help="of all workers, as `nice` of their configuration (0)"
    )
    parser.add_argument(
        "--load", type=int, default=0, metavar="N", help="N busy loops beside it, of the usual priority (0)"
    )
    parser.add_argument("--json", metavar="FILE", help="write the totals there")
    parser.add_argument("--logs", metavar="DIR", type=Path, help="copy the logs of all processes there")
    parser.add_argument("--histories", metavar="DIR", type=Path, help="keep the histories there")
    options = parser.parse_args()
    isolate()
    os.environ.pop("PYTHONPATH", None)  # where this module was found; nobody else looks there
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves nothing behind then, either
    try:
        with busy_loops(options.load, 2 * options.seconds + 10 * END_S):
            totals, complaints = _run(options)
    except HushdError as error:
        print(f"tests/chaos: between the acts: {error.code}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(totals, indent=1))
    if options.json:
        Path(options.json).write_text(json.dumps(totals, indent=1) + "\n")
    for text, count in Counter(complaints).most_common(20):
        print(f"tests/chaos: {count} x {text}", file=sys.stderr)
    return 1 if complaints or any(totals[name] for name in ZEROS) else 0


if __name__ == "__main__":
    sys.exit(main())
