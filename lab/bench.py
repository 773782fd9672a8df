"""Measures hushd against its goals and its rivals, side by side in one run; medians unless a row says otherwise.

MB are 10^6 bytes. A case whose rival or input is missing yields a note instead of a figure.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from benches import cold, commands, full_size, full_size_cold, incident, models, stages, standby, turns, warm
from benches.hearing import (
    accuracy,
    captions,
    diarization,
    dictate,
    int8,
    labels,
    live,
    long,
    noise,
    people,
    streams,
    turn_ends,
    two_files,
    wake,
)
from benches.peers.case import peers
from benches.serving import cluster, crowd, door, http, mcp, neighbours, realtime, wyoming
from benches.speaking import attached, pages, playing, screen_reader, talking
from benches.stage import Row
from benches.supervision import (
    activation,
    crush,
    curve,
    floods,
    load,
    memory,
    pauses,
    places,
    points,
    pressure,
    relay,
    taken,
)

CASES = {
    "idle": memory.idle,
    "memory-back": memory.memory_back,
    "pressure": pressure.pressure,
    "taken": taken.taken,
    "cycles": memory.cycles,
    "hang": load.hang,
    "crush": crush.crush,
    "floods": floods.floods,
    "pauses": pauses.pauses,
    "places": places.places,
    "relay": relay.relay,
    "points": points.points,
    "curve": curve.curve,
    "peers": peers,
    "polls": door.polls,
    "door": door.door,
    "http": http.http,
    "wyoming": wyoming.wyoming,
    "crowd": crowd.crowd,
    "neighbours": neighbours.neighbours,
    "cluster": cluster.cluster,
    "commands": commands.commands,
    "top": commands.top,
    "extras": commands.extras,
    "cold": cold.cold,
    "stages": stages.stages,
    "standby": standby.standby,
    "activation": activation.activation,
    "warm": warm.warm,
    "live": live.live,
    "streams": streams.streams,
    "turn-ends": turn_ends.turn_ends,
    "realtime": realtime.realtime,
    "mcp": mcp.mcp,
    "files": two_files.files,
    "wer": accuracy.wer,
    "noise": noise.noise,
    "diarization": diarization.diarization,
    "labels": labels.labels,
    "people": people.people,
    "wake": wake.wake,
    "long": long.long,
    "int8": int8.int8,
    "models-list": models.listed,
    "pull": models.pull,
    "killed": models.killed,
    "pages": pages.pages,
    "intelligibility": pages.intelligibility,
    "first": playing.first,
    "attached": attached.attached,
    "hook": playing.hook,
    "stop": playing.stop,
    "gaps": playing.gaps,
    "restart": playing.restart,
    "talk": talking.talk,
    "dictate": dictate.dictate,
    "captions": captions.captions,
    "screen-reader": screen_reader.screen_reader,
    "incident": incident.incident,
    "turns": turns.turns,
    "fullsize": full_size.full_size,
    "fullsize-cold": full_size_cold.full_size_cold,
}


def show(row: Row) -> None:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"

    mark = {True: "ok", False: "MISSED", None: ""}[row.ok]
    if row.note:
        mark = f"{mark}  {row.note}".strip()
    print(
        f"{row.case:46}{number(row.value):>9} {row.unit:6}{row.goal:>14}"
        f"{number(row.floor):>9}{number(row.ratio):>8}  {mark}",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all")
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    parser.add_argument(
        "--audio", metavar="DIR", type=Path, help="clips, with their texts for wer, for it and diarization"
    )
    parser.add_argument("--model", help="int8 on these weights of openai-whisper's, with --audio; default: the tests'")
    parser.add_argument(
        "--minutes",
        type=float,
        help="how long gaps, talk, polls, crowd and taken (each share) take; of speech for wake",
    )
    parser.add_argument("--engine", help="cold, standby or fullsize with this engine, or all")
    parser.add_argument(
        "--models",
        metavar="DIR",
        type=Path,
        help="incident, turns, fullsize, fullsize-cold, streams: a folder filled by scripts/fullsize",
    )
    parser.add_argument(
        "--document", action="store_true", help="peers, incident, fullsize: write their sections of docs/BENCHMARKS.md"
    )
    options = parser.parse_args()
    if options.list:
        for name, case in CASES.items():
            print(f"{name:16}{(case.__doc__ or name).splitlines()[0]}")
        return 0
    unknown = set(options.cases) - set(CASES)
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}; --list names them")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves nothing behind then, either
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled once, and so is what is measured
    print(f"{'case':46}{'value':>9} {'unit':6}{'goal':>14}{'floor':>9}{'ratio':>8}")
    rows = []
    for name in options.cases or CASES:
        for row in CASES[name](options):
            show(row)
            rows.append(row)
    if options.json:
        fields = ("case", "value", "unit", "goal", "floor", "ratio", "ok", "note")
        Path(options.json).write_text(json.dumps([{f: getattr(r, f) for f in fields} for r in rows], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
