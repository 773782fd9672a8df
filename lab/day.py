"""Plays a working day to hushd and to a server that never unloads: measures megabyte-hours and the added waits.

The trace is lab/working_day/day.txt; how a day becomes minutes is in lab/working_day/clock.py. Both answer
the same requests, one after the other: first the resident server, then hushd with its defaults.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import section as document
from working_day.players import KEEP_ALIVE_S, Clips, Day, Hushd, Resident
from working_day.report import figures, picture, section, table
from working_day.trace import DAY_S, between, bursts, parse, seconds

TRACE = Path(__file__).parent / "working_day" / "day.txt"
PICTURE = document.DOCS / "pictures/day.svg"
WARM_UP = "Ready."


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("trace", nargs="?", type=Path, default=TRACE, help="another day than the one that comes along")
    parser.add_argument("--speed", type=float, default=40.0, help="of the day's clock; 1: real time (40)")
    parser.add_argument("--from", dest="first", type=seconds, default=0.0, metavar="HH:MM", help="begin then")
    parser.add_argument("--to", dest="last", type=seconds, default=DAY_S, metavar="HH:MM", help="end then")
    parser.add_argument(
        "--keep-alive", type=float, default=KEEP_ALIVE_S, metavar="S", help="of workers, in seconds of the day (300)"
    )
    parser.add_argument("--picture", metavar="FILE", type=Path, help="draw the memory over the day there, as SVG")
    parser.add_argument("--document", action="store_true", help="write its section of docs/BENCHMARKS.md, and picture")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves nothing behind then, either
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    requests = between(parse(options.trace.read_text()), options.first, options.last)
    length = options.last - options.first
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hushd-") as name:
        clips = Clips(Path(name))
        resident = Resident(requests, length, clips, Path(name))
        _prepare()
        with Hushd(options.speed, options.keep_alive) as hushd:
            day = Day(hushd, requests, length, options.speed, clips)
            day.play()
    found: dict[str, Any] = {
        "date": str(date.today()), "from": options.first, "to": options.last, "speed": options.speed,
        "keep_alive_s": options.keep_alive, "bursts": len(list(bursts(requests))),
        **figures(day.account, resident.account, day.waits, resident.waits, day.cold),
        "took_s": round(time.monotonic() - began), "load": round(os.getloadavg()[0], 1), "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("hushd", "hibari-tts", "moonshine-voice")},
    }  # fmt: skip
    print(f"{length / 3600:g} hours, {found['bursts']} bursts, {options.speed:g} times as fast; {found['took_s']} s")
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.document:
        document.write("day", section(found))
        options.picture = PICTURE
    if options.picture:
        options.picture.write_text(picture(day.account, resident.account, found, options.first, length))
    return 0


def _prepare() -> None:
    """Has hushd prepare its dictionaries and models, as it does once after an installation."""
    with Hushd(60) as hushd:
        hushd.say(WARM_UP)
        hushd.client.preload("stt")


if __name__ == "__main__":
    sys.exit(main())
