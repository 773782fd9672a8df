"""Measures hushd against its goals and the bare engines, side by side in one run; medians unless a row says otherwise.

MB are 10^6 bytes. A case without its rival or input yields a note instead of a figure.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # some cases are measured with what tests have

from benches import cold, gigabyte, harm, peers, servers, voices, walk, warm
from benches.hearing import (
    accuracy,
    align,
    live,
    lost_words,
    margins,
    microphone,
    own_words,
    real,
    retime,
    short,
)
from benches.stage import show
from benches.supervision import memory, needs

CASES = {
    "idle": memory.idle,
    "memory-back": memory.memory_back,
    "needs": needs.needs,
    "cold": cold.cold,
    "warm": warm.warm,
    "live": live.live,
    "microphone": microphone.microphone,
    "servers": servers.serving,
    "wer": accuracy.wer,
    "align": align.align,
    "retime": retime.retime,
    "real": real.real,
    "lost-words": lost_words.lost_words,
    "margins": margins.margins,
    "own-words": own_words.own_words,
    "short": short.short,
    "harm": harm.harm,
    "gigabyte": gigabyte.gigabyte,
    "peers": peers.peers,
    "voices": voices.voices,
    "walk": walk.walk,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all")
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    parser.add_argument(
        "--audio", metavar="DIR", type=Path, help="clips with their texts, for wer, live, real, margins and peers"
    )
    parser.add_argument("--text", metavar="FILE", type=Path, help="own-words: a text that has none of them")
    parser.add_argument(
        "--clips", type=int, default=5, help="real: the number of clips of a language; lost-words: of commands"
    )
    parser.add_argument("--sound", default="", help="real: this sound alone, such as telephone")
    parser.add_argument("--engine", help="real, needs, gigabyte, microphone: this engine alone")
    parser.add_argument(
        "--times", type=int, default=10, help="needs: the requests after which memory is read, too; microphone: runs"
    )
    parser.add_argument("--models", metavar="DIR", type=Path, help="gigabyte: the folder of the model")
    parser.add_argument("--whisper-server", metavar="PROGRAM", help="peers: whisper.cpp's, built with optimization")
    parser.add_argument(
        "--limits", metavar="MB", type=int, nargs="+", default=[1000, 700, 500], help="gigabyte: the groups' memory"
    )
    parser.add_argument(
        "--minutes", type=float, help="gigabyte: the minutes of sound (1); lost-words: for each engine (no limit)"
    )
    parser.add_argument("--language", default="en", help="harm: the language of the texts")
    parser.add_argument("--draw", type=int, default=0, help="harm: the places that are printed to be judged")
    parser.add_argument("--seed", type=int, default=8, help="harm: by which they are drawn")
    parser.add_argument("--rule", default="", help="harm: those of this rule alone")
    parser.add_argument(
        "--counts", metavar="FILE", type=Path, help="harm: the counts of an earlier run, and this one's"
    )
    parser.add_argument(
        "--document", action="store_true", help="real, needs, peers: write their part of docs/BENCHMARKS.md"
    )
    options = parser.parse_args()
    if options.list:
        for name, case in CASES.items():
            print(f"{name:16}{(case.__doc__ or name).splitlines()[0]}")
        return 0
    unknown = set(options.cases) - set(CASES)
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}; --list names them")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # cleans up on SIGTERM too
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for folder in sys.path[1:]:  # as installers do, since a confined worker cannot
        compileall.compile_dir(folder, quiet=2)
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
