"""`hushd trace`: runs a command from a cold start, and shows where its time goes, process by process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from hushd_protocol import names
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_protocol.system.trace import VARIABLE

from hushd_cli import disk_part
from hushd_cli.arguments import Parser
from hushd_cli.terminal import console
from hushd_cli.terminal.chart import speaks_unicode

COMMANDS = ("say", "listen")
_BEGAN = "trace began"
_STARTS, _LOADS = "Python starts", "loads the model"
# The stages: process, its work, and the marks between which it does that.
_STAGES = (
    ("command", _STARTS, _BEGAN, "command started"),
    ("command", "imports, and connects", "command started", "command connected"),
    ("supervisor", "Python starts, and imports", "supervisor spawned", "supervisor started"),
    ("supervisor", "opens its sockets", "supervisor started", "supervisor ready"),
    ("worker", _STARTS, "worker spawned", "worker started"),
    ("worker", "imports", "worker started", "worker loads"),
    ("worker", _LOADS, "worker loads", "worker ready"),
    ("worker", "works until the first output", "worker ready", "command answered"),
    ("command", "takes the rest", "command answered", "command ended"),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the way.

    Attributes:
        start, end: seconds since the beginning.
        cpu_s: of the process that did it; None where it ends in another.
        floor_s: what could not be less, measured afterwards: the start of an empty Python, the reading of the model's
            files from the system's cache; None where neither is the work.
        disk_mb: what the process had read from disks meanwhile, 10^6 bytes.
    """

    process: str
    work: str
    start: float
    end: float
    cpu_s: float | None = None
    floor_s: float | None = None
    disk_mb: float | None = None


class _Mark(NamedTuple):
    """A line of the marks' file."""

    when: float
    process: int
    cpu_s: float
    read: int
    detail: str


_NOTHING = _Mark(0.0, 0, 0.0, 0, "")


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    command, *words = options.command or [""]
    if command not in COMMANDS:
        raise HushdError("bad_request", f"Give a command to trace: `{prog} say -o a.wav Hello`, `{prog} listen a.wav`.")
    status, marks = _trace(command, words)
    files = _model_files(marks)
    stages = [replace(stage, floor_s=_floor(stage, files)) for stage in _stages(marks)]
    if options.json:
        console.write_json([asdict(stage) for stage in stages])
    elif stages:
        console.write(_picture(stages, console.width()) + _of_the_disk(stages, files))
    return status


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    parser = Parser(
        prog,
        "Runs `say` or `listen` with a supervisor of its own, from a cold start, and shows in which process the time "
        "goes, and into what. The supervisor that runs already is left alone.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument("command", nargs="...", metavar="COMMAND", help="`say` or `listen`, and its arguments")
    return parser


def _trace(command: str, words: Sequence[str]) -> tuple[int, Mapping[str, _Mark]]:
    """Runs the command; returns its status and the marks that were reached."""
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
            # Standard output is the trace's.
            done = subprocess.run([sys.executable, "-P", "-c", code, *words], env=environment, stdout=2)
        finally:
            subprocess.run([sys.executable, "-P", "-m", "hushd", "shutdown"], env=environment, capture_output=True)
        return done.returncode, _marks(marks.read_text())


def _marks(text: str) -> Mapping[str, _Mark]:
    """The marks by their points; of a point that several processes have reached, the first one's."""
    reached: dict[str, _Mark] = {}
    for line in text.splitlines():
        figures, _, detail = line.partition("\t")
        when, process, cpu_s, read, point = figures.split(" ", 4)
        reached.setdefault(point, _Mark(float(when), int(process), float(cpu_s), int(read), detail))
    return reached


def _stages(marks: Mapping[str, _Mark]) -> Iterator[Stage]:
    """The stages whose beginning and end were reached. The first of a process has all that it has used so far."""
    began = marks[_BEGAN].when
    seen: set[int] = set()
    for process, work, start, end in _STAGES:
        if start not in marks or end not in marks:
            continue
        first, last = marks[start], marks[end]
        stage = Stage(process, work, round(first.when - began, 4), round(last.when - began, 4))
        before = first if first.process == last.process else None if last.process in seen else _NOTHING
        seen.add(last.process)
        if before:
            stage = replace(
                stage, cpu_s=round(last.cpu_s - before.cpu_s, 4), disk_mb=round((last.read - before.read) / 1e6, 1)
            )
        yield stage


def _model_files(marks: Mapping[str, _Mark]) -> list[Path]:
    """The files of the worker's model; none where they are inside a package, or no worker was started."""
    from hushd_models.inventory import of_engine
    from hushd_models.store import Store

    if "worker spawned" not in marks:
        return []
    _, engine, model = names.base(marks["worker spawned"].detail).split("/")
    rows = of_engine(Store(paths.find()), engine)
    return next((row.paths for row in rows if row.model == f"{engine}/{model}"), [])


def _floor(stage: Stage, files: Sequence[Path]) -> float | None:
    """Seconds that a stage could not take less, measured now, when the model's files are in the system's cache."""
    began = time.monotonic()
    if stage.work == _STARTS:
        subprocess.run([sys.executable, "-I", "-S", "-c", ""])
    elif stage.work == _LOADS and files:
        buffer = bytearray(1 << 20)
        for path in files:
            with suppress(OSError), path.open("rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass
    else:
        return None
    return round(time.monotonic() - began, 4)


def _of_the_disk(stages: Sequence[Stage], files: Sequence[Path]) -> str:
    """A line that says whether the start waited for the disk; none for a model without files of its own."""
    read = sum(stage.disk_mb or 0.0 for stage in stages if stage.process == "worker")
    size = sum(path.stat().st_size for path in files if path.exists())
    return f"{disk_part.sentence(read * 1e6, size)}\n" if size else ""


def _picture(stages: Sequence[Stage], width: int) -> str:
    """Lines of a bar each, to one scale, with the CPU time and the floor of those that have one."""
    titles = [f"{stage.process:<10}  {stage.work}" for stage in stages]
    title = max(map(len, titles))
    total = max(stage.end for stage in stages)
    columns = max(10, min(width, 120) - title - 30)
    block = "█" if speaks_unicode() else "#"
    lines = [f"{'':<{title}}{'time':>9}{'CPU':>9}{'floor':>9}"]
    for name, stage in zip(titles, stages, strict=True):
        first, last = (round(when / total * columns) for when in (stage.start, stage.end))
        bar = " " * first + block * max(1, last - first)
        figures = (stage.end - stage.start, stage.cpu_s, stage.floor_s)
        lines.append(f"{name:<{title}}{''.join(map(_milliseconds, figures))}  {bar}".rstrip())
    lines.append(f"{'altogether':<{title}}{_milliseconds(total)}")
    return "\n".join(lines) + "\n"


def _milliseconds(seconds: float | None) -> str:
    return " " * 9 if seconds is None else f"{1000 * seconds:6.0f} ms"
