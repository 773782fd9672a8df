"""`hushd trace`: runs a command from a cold start, and shows where its time goes, process by process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_protocol.system.trace import VARIABLE

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console
from hushd_cli.terminal.chart import speaks_unicode

COMMANDS = ("say", "listen")
_BEGAN = "trace began"
# The stages: process, its work, and the marks between which it does that.
_STAGES = (
    ("command", "Python starts", _BEGAN, "command started"),
    ("command", "imports, and connects", "command started", "command connected"),
    ("supervisor", "Python starts, and imports", "supervisor spawned", "supervisor started"),
    ("supervisor", "opens its sockets", "supervisor started", "supervisor ready"),
    ("worker", "Python starts", "worker spawned", "worker started"),
    ("worker", "imports", "worker started", "worker loads"),
    ("worker", "loads the model", "worker loads", "worker ready"),
    ("worker", "works until the first output", "worker ready", "command answered"),
    ("command", "takes the rest", "command answered", "command ended"),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the way: seconds since the beginning."""

    process: str
    work: str
    start: float
    end: float


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    command, *words = options.command or [""]
    if command not in COMMANDS:
        raise HushdError("bad_request", f"Give a command to trace: `{prog} say -o a.wav Hello`, `{prog} listen a.wav`.")
    status, stages = _trace(command, words)
    if options.json:
        console.write_json([asdict(stage) for stage in stages])
    elif stages:
        console.write(_picture(stages, console.width()))
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


def _trace(command: str, words: Sequence[str]) -> tuple[int, list[Stage]]:
    """Runs the command; returns its status and the stages."""
    with tempfile.TemporaryDirectory(prefix="hushd-trace-") as folder:
        marks = Path(folder, "marks")
        environment = os.environ | {
            VARIABLE: os.fspath(marks),
            "HUSHD_AUTOSTART": "1",
            "HUSHD_RUNTIME_DIR": os.path.join(folder, "run"),
            "HUSHD_STATE_DIR": os.path.join(folder, "state"),
            "HUSHD_MODELS_DIR": os.fspath(paths.find().models),
        }
        marks.write_text(f"{time.monotonic()} {_BEGAN}\n")
        code = f"from hushd_cli.entry import {command}; {command}()"
        try:
            # Standard output is the trace's.
            done = subprocess.run([sys.executable, "-P", "-c", code, *words], env=environment, stdout=2)
        finally:
            subprocess.run([sys.executable, "-P", "-m", "hushd", "shutdown"], env=environment, capture_output=True)
        return done.returncode, list(_stages(marks.read_text()))


def _stages(marks: str) -> Iterator[Stage]:
    reached: dict[str, float] = {}
    for line in marks.splitlines():
        when, point = line.split(" ", 1)
        reached.setdefault(point, float(when))
    began = reached.get(_BEGAN, 0.0)
    for process, work, start, end in _STAGES:
        if start in reached and end in reached:
            yield Stage(process, work, round(reached[start] - began, 4), round(reached[end] - began, 4))


def _picture(stages: Sequence[Stage], width: int) -> str:
    """Lines of a bar each, to one scale."""
    titles = [f"{stage.process:<10}  {stage.work}" for stage in stages]
    title = max(map(len, titles))
    total = max(stage.end for stage in stages)
    columns = max(10, min(width, 120) - title - 12)
    block = "█" if speaks_unicode() else "#"
    lines = []
    for name, stage in zip(titles, stages, strict=True):
        first, last = (round(when / total * columns) for when in (stage.start, stage.end))
        bar = " " * first + block * max(1, last - first)
        lines.append(f"{name:<{title}}  {1000 * (stage.end - stage.start):5.0f} ms  {bar}")
    lines.append(f"{'altogether':<{title}}  {1000 * total:5.0f} ms")
    return "\n".join(lines) + "\n"
