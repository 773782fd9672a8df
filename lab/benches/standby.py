"""The memory that a template keeps and the time that it saves: cold commands with one and without, for each engine."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
from hushd import Client

from .cold_engines import CASES, Case, clip
from .stage import BIN, SENTENCE, Row, supervisor

RUNS = 9
READY_S = 60.0  # for the imports of a template
HEADER = 44  # bytes of a WAV file's


def standby(options: Namespace) -> Iterator[Row]:
    """Cold commands with a template (`standby`) and without, to the first output, and what it keeps; --engine NAME."""
    for engine, case in CASES.items():
        if options.engine not in (None, "all", engine):
            continue
        if missing := [package for package in case.needs if not find_spec(package)]:
            yield Row(f"standby {engine}", None, "s", note=f"not measured: {', '.join(missing)} is not installed")
            continue
        yield from _measured(engine, case)


def _measured(engine: str, case: Case) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        models = {"HUSHD_MODELS_DIR": f"{folder}/models"}
        case.make(Path(folder) / "models")
        role = "tts" if case.speaks else "stt"
        command = [str(BIN / "say"), *case.ask, "-o", "-", SENTENCE]
        if not case.speaks:
            command = [str(BIN / "listen"), *case.ask, str(clip(engine, Path(folder)))]
        worker = "[worker]\nkeep_alive = -1\n"
        with supervisor(worker, **models), Client() as plain:
            without = dict(os.environ)
            with supervisor(f'standby = ["{role}/{engine}"]\n{worker}', **models), Client() as client:
                kept = _ready(client)
                times: tuple[list[float], list[float]] = ([], [])
                for _ in range(RUNS + 1):
                    for taken, environment, who in zip(
                        times, (dict(os.environ), without), (client, plain), strict=True
                    ):
                        taken.append(_to_first_output(command, environment, HEADER + 2 if case.speaks else 1))
                        who.unload()
                beside = _beside(client, command)
        value, floor = (statistics.median(taken[1:]) for taken in times)
        goal = 0.2 if engine == "hibari" else None
        yield Row(
            f"standby {engine}: cold, first output",
            value,
            "s",
            f"<= {goal}" if goal else "",
            floor,
            value <= goal if goal else None,
            f"at the best {min(times[0][1:]):.2f} against {min(times[1][1:]):.2f}",
        )
        small = kept <= 60 if engine == "hibari" else None
        limit = "" if small is None else "<= 60"
        yield Row(f"standby {engine}: kept", kept, "MB", limit, ok=small, note=f"beside a worker {beside:.0f}")


def _ready(client: Client) -> float:
    """Waits for the template; returns the MB that its end would give back."""
    end = time.monotonic() + READY_S
    while (row := client.status().standby[0]).state != "ready":
        if row.state == "refused" or time.monotonic() > end:
            raise SystemExit(f"scripts/bench: no template ({row.state}: {row.why})")
        time.sleep(0.05)
    return _private(row.pid)


def _beside(client: Client, command: list[str]) -> float:
    """The same while a worker lives that was forked from it."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return _private(client.status().standby[0].pid)


def _private(pid: int) -> float:
    return float(psutil.Process(pid).memory_full_info().uss / 1e6)


def _to_first_output(command: list[str], environment: dict[str, str], size: int) -> float:
    """Seconds from the start of a command to so many bytes of its output."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        process.stdout.read(size)
        took = time.perf_counter() - began
        process.stdout.read()
    return took
