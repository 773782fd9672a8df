"""Plays a planted fault to the clients' socket without a supervisor (`simulation.rim`), which takes 50 ms a seed."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

SEEDS = 100
CPU_S = 60  # for all of them, which take 5
MODULES = tuple(
    f"hushd_supervisor.system.{name}"
    for name in (
        "sockets.client_socket", "sockets.lock", "libzmq.connection_limit", "libzmq.numbers", "libzmq.routers",
        "libzmq.traffic",
    )
)  # fmt: skip


def violation(plant: tuple[object, ...]) -> str:
    """Returns what fails with a fault planted, as one line; empty if nothing does, or it cannot be planted there."""
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests")]
    done = subprocess.run(
        [sys.executable, __file__, json.dumps(plant)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 5)),
    )
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines()
    return ", ".join(lines[-2:]) if done.returncode == 1 else f"no end: status {done.returncode}"


def main(plant: str) -> None:
    """Plants a fault, and plays seeds to it until one fails."""
    from simulated_plants import Plant, install
    from simulation import rim  # which has the product meet a simulated ZeroMQ
    from transplant import Elsewhere

    try:
        install(Plant(*json.loads(plant)))
    except Elsewhere:
        return
    rim.main(0, SEEDS)


if __name__ == "__main__":
    main(sys.argv[1])
