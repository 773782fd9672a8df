"""Figures of the commands themselves: their start, `top`, the wheel, and what the extras take on disk."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import termios
import time
from argparse import Namespace
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import psutil
from hushd import Client
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .stage import BIN, Row, supervisor, timed

ROOT = Path(__file__).parents[2]
TRIES = 15
LOOK_S = 30.0
SHOWN = 12  # packages


def commands(_: Namespace) -> Iterator[Row]:
    """`hushd --help`, `hushd status` and `hushd completion bash`, from exec to exit."""
    with supervisor():
        for words, goal in ((["--help"], 120), (["status"], 150), (["completion", "bash"], None)):
            times = [timed([str(BIN / "hushd"), *words]) * 1000 for _ in range(TRIES)]
            took = statistics.median(times)
            bare = statistics.median(timed([sys.executable, "-c", "pass"]) * 1000 for _ in range(TRIES))
            ok = took <= goal if goal else None
            yield Row(f"commands: hushd {' '.join(words)}", took, "ms", f"<= {goal}" if goal else "", bare, ok)


def top(_: Namespace) -> Iterator[Row]:
    """Share of a core that `hushd top` takes, and that the supervisor takes for it, with two workers at rest."""
    with supervisor("[worker]\nkeep_alive = -1\n") as process, Client() as client:
        client.preload("tts", "stt")
        alone = _share(process)
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        shown = subprocess.Popen(
            [BIN / "hushd", "top"], stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"}
        )
        try:
            _drain(ours, 2.0)
            before = time.monotonic(), _cpu(psutil.Process(shown.pid)), _cpu(process)
            _drain(ours, LOOK_S)
            after = time.monotonic(), _cpu(psutil.Process(shown.pid)), _cpu(process)
        finally:
            shown.kill()
            shown.wait()
        span = after[0] - before[0]
        share = (after[1] - before[1]) / span * 100
        yield Row("top: of a core", share, "%", "<= 1", ok=share <= 1)
        yield Row("top: of a core, by the supervisor", (after[2] - before[2]) / span * 100, "%", floor=alone)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _share(process: psutil.Process) -> float:
    before = _cpu(process)
    time.sleep(5)
    return (_cpu(process) - before) / 5 * 100


def _drain(terminal: int, seconds: float) -> None:
    """Reads the drawing, as a terminal does."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 65536)


def extras(_: Namespace) -> Iterator[Row]:
    """Yields the size on disk of `hushd[default]`, by package, as it is installed here."""
    sizes = {name: _installed(name) for name in sorted(_needed("hushd", "default"))}
    known = {name: size for name, size in sizes.items() if size is not None}
    yield Row("extras: default", sum(known.values()), "MB", note=f"{len(known)} packages")
    largest = sorted(known, key=lambda name: -known[name])
    for name in largest[:SHOWN]:
        yield Row(f"extras: {name}", known[name], "MB")
    yield Row("extras: the others", sum(known[name] for name in largest[SHOWN:]), "MB")
    if missing := [name for name, size in sizes.items() if size is None]:
        yield Row("extras: not installed here", len(missing), "", note=", ".join(missing))


def _needed(name: str, *extras: str, seen: set[tuple[str, str]] | None = None) -> set[str]:
    """The packages that `name` needs with these extras, and their needs."""
    seen = set() if seen is None else seen
    found: set[str] = set()
    for extra in ("", *extras):
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            texts = distribution(name).requires or ()
        except PackageNotFoundError:
            continue
        for needed in map(Requirement, texts):
            if needed.marker is None and extra:
                continue
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                other = canonicalize_name(needed.name)
                found |= {other} - {"hushd"} | _needed(other, *needed.extras, seen=seen)
    return found


def _installed(name: str) -> float | None:
    """MB of a package's files; None where it is not installed."""
    try:
        files = distribution(name).files or ()
    except PackageNotFoundError:
        return None
    paths = (Path(str(file.locate())) for file in files)
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6
