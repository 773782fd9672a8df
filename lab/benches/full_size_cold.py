"""A cold request to a model of full size, from the command to its text, against the package's minimal use."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from hushd import Client
from hushd_protocol.system import page_cache

from .stage import BIN, Row, recording, supervisor, wait_until_childless

RUNS = 3
ENGINE, NAME = "onnx-asr", "nemo-parakeet-tdt-0.6b-v3"
_BARE = """
import sys, onnx_asr
model = onnx_asr.load_model(sys.argv[1], sys.argv[2], quantization="int8")
print(model.recognize(sys.argv[3]), flush=True)
"""


class Cost(NamedTuple):
    """Seconds to the first output, and of CPU time in all processes."""

    first: float
    cpu: float


def full_size_cold(options: Namespace) -> Iterator[Row]:
    """A cold `listen` by Parakeet in --models DIR against its package alone: its files in the cache, and dropped."""
    folder = options.models and options.models / ENGINE / NAME
    if not folder or not folder.is_dir():
        note = f"not measured: --models names a folder with {ENGINE}/{NAME}, see `scripts/fullsize make`"
        yield Row("fullsize-cold", None, "", note=note)
        return
    places: tuple[tuple[str, Callable[[Path], object]], ...] = ("cache", Path.read_bytes), ("disk", page_cache.drop)
    for place, bring in places:
        ours: list[Cost] = []
        bare: list[Cost] = []
        for _ in range(RUNS):  # in turn, so that whatever else runs disturbs both
            for measure, costs in ((_listen, ours), (_bare, bare)):
                for file in folder.iterdir():
                    bring(file)
                costs.append(measure(options.models))
        yield from rows(place, ours, bare)


def rows(place: str, ours: Sequence[Cost], bare: Sequence[Cost]) -> Iterator[Row]:
    """The medians of both, where the files came from `place`."""
    for what, part in (("first output", 0), ("CPU", 1)):
        value, floor = (statistics.median(cost[part] for cost in costs) for costs in (ours, bare))
        yield Row(f"fullsize-cold from the {place}: {what}", value, "s", "0.6 x", floor, value <= 0.6 * floor)


def _bare(models: Path) -> Cost:
    return _run([sys.executable, "-c", _BARE, NAME, str(models / ENGINE / NAME), str(recording("beckett.wav"))])


def _listen(models: Path) -> Cost:
    """The command, its worker, and the supervisor's part; the supervisor runs before."""
    command = [str(BIN / "listen"), "--engine", ENGINE, "--model", NAME, "--language", "en"]
    with supervisor(HUSHD_MODELS_DIR=str(models)) as process, Client() as client:
        before = _cpu(process)
        cost = _run([*command, str(recording("beckett.wav"))])
        used = _cpu(process) - before + sum(map(_cpu, process.children()))
        client.unload(force=True)
        wait_until_childless(process)
    return Cost(cost.first, cost.cpu + used)


def _cpu(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def _run(command: Sequence[str]) -> Cost:
    """Runs a command that must succeed and write something."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout
    with process.stdout as output:
        begun = output.read(1)
        first = time.perf_counter() - began
        output.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not begun:
        raise SystemExit(f"scripts/bench: {command[0]} ended with status {process.returncode}")
    return Cost(first, usage.ru_utime + usage.ru_stime)
