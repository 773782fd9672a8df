"""Measures what hushd says of graphics cards on a machine with one of NVIDIA's, in at most six minutes and without a
network, and writes the figures into docs/BENCHMARKS.md.

It says first what is missing. Weights are drawn at random, of the size of Whisper's large-v3, but for a small trained
checkpoint. `--rehearse` runs it on the CPU with small weights, which tries this script and writes nothing.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from benches.cards.stage import Stage
    from benches.stage import Row

LIMIT_S = 355.0
ROOT = Path(__file__).parents[1]
NEEDED = {  # modules, and the packages that have them
    "msgspec": "msgspec", "numpy": "numpy", "psutil": "psutil", "soundfile": "soundfile", "soxr": "soxr",
    "zmq": "pyzmq", "hibari": "hibari-tts", "torch": "torch", "whisper": "openai-whisper",
}  # fmt: skip
WANTED = {"faster_whisper": "faster-whisper", "nvidia": "nvidia-cublas-cu12"}
DRIVER = ("libcuda.so.1", "libnvidia-ml.so.1")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rehearse", action="store_true", help="small weights on the CPU: tries this script only")
    options = parser.parse_args()
    ends = time.monotonic() + LIMIT_S
    lacking = missing(NEEDED, () if options.rehearse else DRIVER)
    for line in [*lacking, *missing(WANTED)]:
        print(f"missing: {line}", flush=True)
    if lacking:
        print("Nothing was measured.")
        return 1
    _find_hushd()
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        return _measure(Path(folder), options, ends)


def missing(packages: dict[str, str], libraries: Sequence[str] = ()) -> list[str]:
    """Returns a line for each package and each of the driver's libraries that is not here."""
    lines = [f"the package {name}" for module, name in packages.items() if find_spec(module) is None]
    for name in libraries:
        try:
            ctypes.CDLL(name)
        except OSError:
            lines.append(f"{name}, of NVIDIA's driver")
    return lines


def _find_hushd() -> None:
    """Lets this process and those that it starts import hushd from the clone, where no environment has it, and the
    tests' checkpoint."""
    sys.path.append(str(ROOT / "tests"))
    if find_spec("hushd_worker") is None:
        folders = sorted({str(path.parent.parent) for path in ROOT.glob("*/hushd*/__init__.py")})
        sys.path += folders
        os.environ["PYTHONPATH"] = os.pathsep.join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _measure(folder: Path, options: argparse.Namespace, ends: float) -> int:
    from benches.cards import figures, sharing
    from benches.cards.stage import NotDone, Stage

    # Each with the seconds that it may take: without so much time left it is not begun.
    parts: tuple[tuple[Callable[[Stage], Iterator[Row]], float], ...] = (
        (figures.look, 15), (figures.given_back, 60), (sharing.alternating, 45),
        (sharing.stranger, 45), (figures.large, 75),
        (figures.faster, 45), (figures.one_process, 45),
    )  # fmt: skip
    stage = Stage(folder, "cpu", "tiny") if options.rehearse else Stage(folder)
    try:
        card = stage.card()
    except NotDone as error:
        print(f"Nothing was measured: {error}.")
        return 1
    print(f"{card}\n{'figure':52}{'value':>9} {'unit':6}{'goal':>14}{'floor':>9}{'ratio':>8}", flush=True)
    with stage.making():
        rows = [row for part, most in parts for row in _run(part, most, stage, ends)]
    print(f"{sum(row.value is None for row in rows)} of these were not run; {ends - time.monotonic():.0f} s were left.")
    if not options.rehearse:
        import section as document

        document.write("gpu", section(card, str(date.today()), rows))
    return any(row.ok is False for row in rows)


def _run(part: Callable[[Stage], Iterator[Row]], most: float, stage: Stage, ends: float) -> Iterator[Row]:
    from benches.cards.stage import NotDone
    from benches.stage import Row, show
    from hushd_protocol.errors import HushdError, reason

    def late(*_: object) -> NoReturn:
        raise NotDone(f"it took longer than {most:.0f} s")

    title = (part.__doc__ or part.__name__).partition("\n")[0].rstrip(".")
    signal.signal(signal.SIGALRM, late)
    try:
        if (left := ends - time.monotonic()) < most:
            raise NotDone(f"it may take {most:.0f} s, and {max(0, left):.0f} of the six minutes were left")
        signal.setitimer(signal.ITIMER_REAL, most)
        for row in part(stage):
            show(row)
            yield row
    except (NotDone, HushdError, OSError, RuntimeError, AssertionError, SystemExit) as error:
        signal.setitimer(signal.ITIMER_REAL, 0)
        row = Row(title, None, "", note=f"not run: {error if isinstance(error, NotDone) else reason(error)}")
        show(row)
        yield row
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def section(card: str, day: str, rows: Sequence[Row]) -> str:
    """Returns the figures as a section of docs/BENCHMARKS.md."""
    lines = [
        f"Of {day}, on {card}; large-v3's size, weights at random.",
        "",
        "| figure | value | goal | |",
        "|---|---|---|---|",
    ]
    for row in rows:
        value = "not run" if row.value is None else f"{_number(row.value)} {row.unit}".strip()
        beside = "" if row.floor is None else f"beside {_number(row.floor)} {row.unit}"
        notes = ["*missed*" if row.ok is False else "", beside, row.note.removeprefix("not run: ")]
        lines.append(f"| {row.case} | {value} | {row.goal} | {'; '.join(filter(None, notes))} |")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
