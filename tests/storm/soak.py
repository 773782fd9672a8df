"""Hours of real work in minutes, with faults all along: losses, growth, and the memory given back.

Programs, commands, an HTTP client and a Wyoming client speak and listen at the same time on both embedded engines, in
bursts with gaps until all workers have left, while workers and the gateway are killed, stopped and starved. Each answer
is checked, and each request must end in it or in one clear error. The supervisor's own memory is printed at rest after
each burst; its growth is counted from ten minutes of work on, by which its record of memory is full and all that stays
open has been opened. Fails when a request is lost, when the supervisor has grown by a MB or has more descriptors open,
when a worker outlives its keep-alive, or when a process or a file is left. `--minutes 480` is a night; `--picture`
draws its memory.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from statistics import linear_regression

import psutil
import soundfile
from benches.stage import port, recording
from hushd import Client
from watch import Watch, own_mb

from .crowd import HomeAssistant, Manager, Person, Programs, Web
from .faults import Faults
from .ledger import END_S, Ledger
from .stage import Stage, wait_until

CLIP_S = 1.5  # of beckett.wav: "Ever tried."
GROWTH_MB = 1.0
BURST_S = 60.0
LEAVE_S = 30.0  # for workers after the last request; they stay for 10 s
SETTLED_S = 600.0  # of work, from which on the supervisor's growth counts


class Soak:
    """One run on a stage: bursts of work and faults, of which `faults` counts each kind, and the memory meanwhile."""

    def __init__(self, stage: Stage, ledger: Ledger, clip: Path, pause: float) -> None:
        self.stage, self.ledger, self.clip, self.pause = stage, ledger, clip, pause
        self.others = Ledger()  # of what is not work: a manager's requests
        self.faults: Counter[str] = Counter()
        self.bursts = 0
        with Client() as client:
            self.ports = port(client), port(client, "wyoming")
            self.root = psutil.Process(client.status().supervisor.pid)

    def burst(self, seconds: float) -> None:
        """Works for so long, among faults."""
        over = threading.Event()
        self.bursts += 1
        seed = f"burst {self.bursts}"
        faults = Faults(self.stage, self.others, over, seed, self.pause)
        threads = [*self._crowd(over), Manager(self.stage, self.others, over, seed), faults]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        over.set()
        for thread in reversed(threads):
            thread.join(END_S)
            if thread.is_alive():
                self.ledger.complain(f"{thread.name} ({type(thread).__name__}) still waits after {END_S:.0f} s")
        self.faults += faults.count

    def at_rest(self) -> float:
        """The supervisor's own memory once all workers have left by themselves."""
        if not wait_until(lambda: not self.stage.workers(), LEAVE_S):
            self.ledger.complain(f"workers have outlived their keep-alive by {LEAVE_S - 10:.0f} s")
        return own_mb(self.root)

    def descriptors(self) -> int:
        """The supervisor's open files, sockets and pipes."""
        return self.root.num_fds()

    def _crowd(self, over: threading.Event) -> list[Person]:
        common, seed = (self.stage, self.ledger, over), f"burst {self.bursts}"
        return [
            Programs(*common, f"{seed} program", self.clip),
            Web(*common, f"{seed} web", self.clip, self.ports[0]),
            HomeAssistant(*common, f"{seed} home", self.clip, self.ports[1]),
        ]


def run(seconds: float, requests: int, pause: float, drawing: Path | None) -> tuple[dict[str, object], list[str]]:
    began = time.monotonic()
    stage, ledger = Stage(), Ledger()
    try:
        with tempfile.TemporaryDirectory(prefix="hushd-") as name:
            soak = Soak(stage, ledger, _clip(Path(name)), pause)
            watch = Watch(soak.root, 1.0)
            watch.start()
            sizes: list[float] = []
            settled = 0  # the one from which on growth counts
            opened: list[int] = []
            while len(sizes) < 2 or time.monotonic() - began < seconds or ledger.requests < requests:
                soak.burst(min(BURST_S, seconds / 2))
                sizes.append(soak.at_rest())
                opened.append(soak.descriptors())
                if time.monotonic() - began <= SETTLED_S:
                    settled = len(sizes) - 1
                _report(soak, sizes, time.monotonic() - began)
            watch.stop()
        if stage.supervisor() != soak.root.pid:
            ledger.complain("the supervisor has not lived through it")
        if (least := min(opened[-10:])) > (most := max(opened[: settled + 1])):  # two for each client that still leaves
            ledger.complain(f"the supervisor has {least} descriptors open at rest, and had {most} at most")
        orphans = _leave(stage, ledger)
        if files := stage.unexpected_files():
            ledger.complain(f"files were left: {', '.join(files)}")
    finally:
        stage.close()
    if drawing:
        watch.draw(drawing, "Memory of hushd's processes under mixed work and faults (PSS)", own=True)
    figures: dict[str, object] = {
        "requests": ledger.requests, "results": ledger.results, "errors": dict(ledger.errors.most_common()),
        "lost": ledger.lost, "orphans": len(orphans), "files": len(files), "faults": soak.faults.total(),
        "faults_by_kind": dict(soak.faults.most_common()),
        "supervisor_mb_at_rest": [round(size, 2) for size in sizes],
        "growth_mb": round(sizes[-1] - sizes[settled], 2),
        "descriptors_at_rest": opened,
        "workers_growth_mb_an_hour": _slope([(at / 3600, sum(pss.values())) for at, pss, _ in watch.samples]),
        "slowest_s": round(ledger.slowest[0], 1),
        "peak_pss_mb": round(sum(watch.peak()[0].values()), 1),
        "bursts": soak.bursts, "seconds": round(time.monotonic() - began),
    }  # fmt: skip
    return figures, [*ledger.complaints, *soak.others.complaints]


def _slope(samples: list[tuple[float, float]]) -> float:
    """MB by which the highest of each twentieth of the samples grows in an hour, as a line through them has it."""
    size = max(1, len(samples) // 20)
    peaks = [max(samples[at : at + size], key=lambda sample: sample[1]) for at in range(0, len(samples), size)]
    hours, mb = zip(*peaks, strict=True)
    return round(linear_regression(hours, mb).slope, 1)


def _leave(stage: Stage, ledger: Ledger) -> list[int]:
    """Has the supervisor leave; returns the processes that are left a second later."""
    with Client(start=False) as client:
        busy = [row.name for row in client.status().workers if row.queued + row.running]
        if busy:
            ledger.complain(f"requests of clients that have left are still there, of {', '.join(busy)}")
        if not client.shutdown(10):
            ledger.complain("the supervisor did not leave within 10 s")
    wait_until(lambda: not stage.processes(), 1.0)
    return stage.processes()


def _report(soak: Soak, sizes: list[float], seconds: float) -> None:
    ledger = soak.ledger
    print(
        f"{seconds / 60:5.1f} min  {ledger.requests:6} requests  {ledger.lost} lost  {ledger.errors.total()} refused  "
        f"{soak.faults.total()} faults  supervisor {sizes[-1]:.1f} MB, {sizes[-1] - sizes[0]:+.2f}",
        flush=True,
    )


def _clip(folder: Path) -> Path:
    audio, rate = soundfile.read(recording("beckett.wav"), dtype="float32")
    soundfile.write(folder / "clip.wav", audio[: int(CLIP_S * rate)], rate)
    return folder / "clip.wav"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5.0, help="of work, at least (5)")
    parser.add_argument("--requests", type=int, default=10_000, help="at least so many, however long they take (10000)")
    parser.add_argument("--pause", type=float, default=0.8, metavar="S", help="between two faults, on average (0.8)")
    parser.add_argument("--picture", metavar="FILE", type=Path, help="draw the memory over time there, as SVG")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    os.environ.pop("PYTHONPATH", None)  # where this module was found; nobody else looks there
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves nothing behind then, either
    seconds = options.minutes * 60
    figures, complaints = run(seconds, options.requests, options.pause, options.picture)
    print(json.dumps(figures, indent=1))
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")
    if figures["growth_mb"] >= GROWTH_MB:  # type: ignore[operator]
        complaints.append(f"the supervisor has grown by {figures['growth_mb']} MB")
    for text, count in Counter(complaints).most_common(20):
        print(f"tests/soak: {count} x {text}", file=sys.stderr)
    return 1 if complaints or figures["lost"] or figures["orphans"] else 0


if __name__ == "__main__":
    sys.exit(main())
