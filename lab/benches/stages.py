"""Measures the stages of a cold start of `say -o` and `listen`, each in its process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hushd_protocol.system import paths
from hushd_protocol.system.trace import VARIABLE

from .stage import SENTENCE, Row, recording

_BEGAN = "trace began"
_STARTS = "Python starts"
# The stages: process, its work, and the marks between which it does that.
STAGES = (
    ("command", _STARTS, _BEGAN, "command started"),
    ("command", "imports, and connects", "command started", "command connected"),
    ("supervisor", "Python starts, and imports", "supervisor spawned", "supervisor started"),
    ("supervisor", "opens its sockets", "supervisor started", "supervisor ready"),
    ("worker", _STARTS, "worker spawned", "worker started"),
    ("worker", "imports", "worker started", "worker loads"),
    ("worker", "loads the model", "worker loads", "worker ready"),
    ("worker", "works until the first output", "worker ready", "command answered"),
    ("command", "takes the rest", "command answered", "command ended"),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the way.

    Attributes:
        start, end: seconds since the beginning.
        cpu_s: of the process that did it; None where it ends in another.
        disk_mb: read from disks by that process meanwhile, 10^6 bytes.
    """

    process: str
    work: str
    start: float
    end: float
    cpu_s: float | None = None
    disk_mb: float | None = None


class _Mark(NamedTuple):
    """A line of the marks' file."""

    when: float
    process: int
    cpu_s: float
    read: int


_NOTHING = _Mark(0.0, 0, 0.0, 0)


def stages(_: Namespace) -> Iterator[Row]:
    """Wall time of each stage, beside its CPU time; of an empty Python for those that are its start."""
    with tempfile.TemporaryDirectory(prefix="hushd-stages-") as folder:
        spoken = os.path.join(folder, "spoken.wav")
        for command, words in (("say", ["-o", spoken, SENTENCE]), ("listen", [str(recording("beckett.wav"))])):
            for stage in taken(trace(command, words)):
                cpu = "" if stage.cpu_s is None else f"CPU {1000 * stage.cpu_s:.0f} ms, {stage.disk_mb:.0f} MB read"
                floor = _empty_python_ms() if stage.work == _STARTS else None
                took = 1000 * (stage.end - stage.start)
                yield Row(f"stages: {command}: {stage.process}: {stage.work}", took, "ms", floor=floor, note=cpu)


def trace(command: str, words: Sequence[str]) -> str:
    """Runs the command from nothing, with a supervisor of its own; returns the marks that were written."""
    with tempfile.TemporaryDirectory(prefix="hushd-trace-") as folder:
        marks = Path(folder, "marks")
        environment = os.environ | {
            VARIABLE: os.fspath(marks),
            "HUSHD_AUTOSTART": "1",
            "HUSHD_RUNTIME_DIR": os.path.join(folder, "run"),
            "HUSHD_STATE_DIR": os.path.join(folder, "state"),
            "HUSHD_MODELS_DIR": os.fspath(paths.find().models),
        }
        marks.write_text(f"{time.monotonic()} {os.getpid()} 0 0 {_BEGAN}\t\n")
        code = f"from hushd_cli.entry import {command}; {command}()"
        try:
            subprocess.run([sys.executable, "-P", "-c", code, *words], env=environment, stdout=2, check=True)
        finally:
            subprocess.run([sys.executable, "-P", "-m", "hushd", "shutdown"], env=environment, capture_output=True)
        return marks.read_text()


def taken(text: str) -> Iterator[Stage]:
    """The stages whose beginning and end were reached. The first of a process has all that it has used so far."""
    marks = _marks(text)
    began = marks[_BEGAN].when
    seen: set[int] = set()
    for process, work, start, end in STAGES:
        if start not in marks or end not in marks:
            continue
        first, last = marks[start], marks[end]
        before = first if first.process == last.process else None if last.process in seen else _NOTHING
        seen.add(last.process)
        used = (round(last.cpu_s - before.cpu_s, 4), round((last.read - before.read) / 1e6, 1)) if before else ()
        yield Stage(process, work, round(first.when - began, 4), round(last.when - began, 4), *used)


def _marks(text: str) -> Mapping[str, _Mark]:
    """The marks by their points; of a point that several processes have reached, the first one's."""
    reached: dict[str, _Mark] = {}
    for line in text.splitlines():
        when, process, cpu_s, read, point = line.partition("\t")[0].split(" ", 4)
        reached.setdefault(point, _Mark(float(when), int(process), float(cpu_s), int(read)))
    return reached


def _empty_python_ms() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-S", "-c", ""], check=True)
    return 1000 * (time.perf_counter() - began)
