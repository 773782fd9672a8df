"""Shows hushd's main job on real input, with the memory of its process tree before, during and after.

A supervisor of its own in a private folder speaks a sentence into a file and aloud, transcribes that file and a
recording of a person, and falls idle. Fails when a transcript is wrong beyond its bound or the memory stays.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import string
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import jiwer
import psutil
from benches.stage import recording, supervisor
from watch import Watch, kind, own_mb, tree_mb

SENTENCE = "Memory is given back when nobody is listening, because the worker leaves."
# The words of the recording's speaker (Beckett, Worstward Ho), not an engine's transcript.
BECKETT = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."
WER_BOUND = 0.15
IDLE_S = 3.0
LEFT_MB = 2.0  # written by the supervisor in its first full cycle; an emulator also keeps what it has translated


def words(text: str) -> str:
    """The words of `text`, which may have a line a phrase."""
    return " ".join(text.lower().translate(str.maketrans("", "", string.punctuation)).split())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    parser.add_argument("--picture", metavar="FILE", type=Path, help="draw the memory over time there, as SVG")
    parser.add_argument("--may-stay", metavar="MB", type=float, default=LEFT_MB, help="beside that at rest before")
    options = parser.parse_args()
    began = time.monotonic()
    with supervisor(f"[worker]\nkeep_alive = {IDLE_S}\n") as process:
        figures = show(process, Path(os.environ["HUSHD_STATE_DIR"]).parent, options.picture)
    figures["seconds"] = round(time.monotonic() - began, 1)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")
    return verdict(figures, options.may_stay)


def command(name: str, *arguments: str) -> str:
    """Runs one of hushd's commands as a user would, and shows it; returns its standard output."""
    print(f"\n$ {name} {' '.join(repr(a) if ' ' in a else a for a in arguments)}", flush=True)
    done = subprocess.run([Path(sys.executable).parent / name, *arguments], capture_output=True, text=True)
    if text := (done.stdout or done.stderr).rstrip():
        print(text, flush=True)
    if done.returncode:
        fail(name, done.returncode)
    return done.stdout


def play(text: str) -> None:
    """Speaks aloud; no device costs only the sound."""
    done = subprocess.run([Path(sys.executable).parent / "say", text], capture_output=True, text=True)
    outcome = (
        "(not heard: no loudspeaker that hushd can use here; files need none)" if done.returncode == 8 else "(spoken)"
    )
    print(f"\n$ say {text!r}\n{outcome}", flush=True)
    if done.returncode not in (0, 8):
        fail("say", done.returncode)


def fail(name: str, code: int) -> NoReturn:
    """Ends the demo with the exit code of the command that failed."""
    print(f"{name} failed with exit code {code}.", file=sys.stderr)
    sys.exit(code)


def show(root: psutil.Process, folder: Path, drawing: Path | None) -> dict[str, float]:
    spoken = folder / "spoken.wav"
    before, own_before = tree_mb(root), own_mb(root)
    watch = Watch(root)
    watch.start()
    watch.mark("say")
    command("say", "-o", str(spoken), SENTENCE)
    play(SENTENCE)
    watch.mark("listen")
    heard = command("listen", str(spoken))
    person = command("listen", str(recording("beckett.wav")))
    watch.mark("idle")
    print(f"\n… nobody asks for anything for {IDLE_S:.0f} s …")
    wait_for_exits(root)
    watch.mark("all workers gone")
    after, left = tree_mb(root), written(root)
    time.sleep(0.5)
    watch.stop()
    if drawing:
        watch.draw(drawing, "Memory of hushd's processes (PSS)")
    print(f"\n{'memory of the process tree':28}{'PSS':>10}{'RSS':>10}   processes")
    for name, (pss, rss) in (("before", before), ("at work, highest", watch.peak()), ("after", after)):
        print(f"{name:28}{sum(pss.values()):7.1f} MB{rss:7.1f} MB{len(pss):8}")
    print(f"\nwritten by the supervisor before: {own_before:.1f} MB; by what is there after: {', '.join(left)}")
    return {
        "wer_person": round(jiwer.wer(words(BECKETT), words(person)), 3),
        "wer_round_trip": round(jiwer.wer(words(SENTENCE), words(heard)), 3),
        "pss_before_mb": round(sum(before[0].values()), 1),
        "pss_peak_mb": round(sum(watch.peak()[0].values()), 1),
        "pss_after_mb": round(sum(after[0].values()), 1),
        "own_before_mb": round(own_before, 1),
        "own_after_mb": round(sum(left.values()), 1),
    }


def wait_for_exits(root: psutil.Process) -> None:
    """Returns when the supervisor has no process below it, or when the last one should have left long ago."""
    deadline = time.monotonic() + IDLE_S + 10
    while (children := root.children(recursive=True)) and time.monotonic() < deadline:
        psutil.wait_procs(children, deadline - time.monotonic())


def written(root: psutil.Process) -> dict[str, float]:
    """Returns the MB that a process and each one below it have written, by a line that says whose they are."""
    found = {}
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # it leaves just now
            size = own_mb(process)
            found[f"{kind(process)} {process.pid}: {size:.1f} MB"] = size
    return found


def verdict(figures: dict[str, float], left_mb: float) -> int:
    problems = [
        f"{name} is {figures[name]}, more than {WER_BOUND} of the words are wrong."
        for name in ("wer_person", "wer_round_trip")
        if figures[name] > WER_BOUND
    ]
    if figures["own_after_mb"] > figures["own_before_mb"] + left_mb:
        problems.append(f"The memory did not come back: {figures['own_after_mb']} MB are still held, as said above.")
    wers = f"word error rate {figures['wer_person']} (person), {figures['wer_round_trip']} (round trip)"
    print(f"\n{wers}, {figures['seconds']} s")
    for problem in problems:
        print(f"scripts/demo: {problem}", file=sys.stderr)
    if not problems:
        print(f"\n{next_steps()}")
    return 1 if problems else 0


def next_steps() -> str:
    """The lines to type to go on with this setup."""
    activate = shlex.quote(str(Path(sys.prefix) / "bin" / "activate"))
    return f"""To go on, in this shell:

    source {activate}
    say "Hello."
    listen FILE              # or without a file: the microphone
    hushd models list        # other voices, languages and engines"""


if __name__ == "__main__":
    sys.exit(main())
