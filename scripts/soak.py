"""Mixed speech work with idle gaps, both embedded engines, on a supervisor of its own: who grows, what comes back.

First a thousand transcriptions in a row, each on the real engine, with the supervisor's size after some of them. Then
sentences are spoken and recordings written down in bursts, by programs and by the commands, with gaps that are now
shorter and now longer than the workers' keep-alive; what they say and hear is checked. Fails when the supervisor has
grown by more than a MB in either part, or when a worker outlives its keep-alive.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import soundfile
from benches.stage import BIN, recording, supervisor, wait_until_childless
from hushd import Client
from watch import Watch, own_mb

KEEP_ALIVE_S = 4.0
COUNTS = (1, 10, 50, 100, 1000)
CLIP_S = 1.5  # of beckett.wav: "Ever tried."
GROWTH_MB = 1.0

SENTENCES = (
    "Ever tried.",
    "The memory is given back when nobody is listening.",
    "Try again. Fail again. Fail better. And then, after a while, somebody speaks once more.",
)
# recording: a word that must be heard
RECORDINGS = {"beckett.wav": "matter", "two_cities.wav": "wisdom"}


def transcribe_many(client: Client, root: psutil.Process, clip: Path) -> dict[int, float]:
    """The supervisor's own memory (USS, MB) after so many transcriptions."""
    sizes = {}
    for number in range(1, max(COUNTS) + 1):
        if "tried" not in (text := client.transcribe(clip).text).lower():
            raise SystemExit(f"scripts/soak: transcription {number} is {text!r}.")
        if number in COUNTS:
            sizes[number] = own_mb(root)
    return sizes


class Work:
    """Bursts of everything that people do, until the time is over."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.dice = random.Random(0)
        self.done = {"say": 0, "listen": 0, "gaps": 0, "gaps_to_nothing": 0}

    def burst(self) -> None:
        for _ in range(self.dice.randint(1, 6)):
            self.dice.choice((self.say, self.say_command, self.listen, self.listen_command))()

    def say(self) -> None:
        speech = self.client.synthesize(self.dice.choice(SENTENCES))
        if len(b"".join(speech)) < speech.rate // 2:
            raise SystemExit("scripts/soak: a sentence was less than a quarter of a second long.")
        self.done["say"] += 1

    def say_command(self) -> None:
        self._command("say", "-o", str(self.folder / "said.ogg"), self.dice.choice(SENTENCES))
        self.done["say"] += 1

    def listen(self) -> None:
        name, word = self.dice.choice(list(RECORDINGS.items()))
        self._heard(self.client.transcribe(recording(name)).text, word)

    def listen_command(self) -> None:
        name, word = self.dice.choice(list(RECORDINGS.items()))
        self._heard(self._command("listen", str(recording(name))), word)

    def gap(self, root: psutil.Process) -> None:
        """Nothing is asked; every third time until all workers have left."""
        self.done["gaps"] += 1
        if self.done["gaps"] % 3:
            time.sleep(self.dice.uniform(0, KEEP_ALIVE_S))
        else:
            wait_until_childless(root, KEEP_ALIVE_S + 5)
            self.done["gaps_to_nothing"] += 1
            time.sleep(self.dice.uniform(1, 4))

    def _heard(self, text: str, word: str) -> None:
        if word not in text.lower():
            raise SystemExit(f"scripts/soak: {word!r} was not heard in {text!r}.")
        self.done["listen"] += 1

    def _command(self, *command: str) -> str:
        return subprocess.run([BIN / command[0], *command[1:]], check=True, capture_output=True, text=True).stdout


def run(minutes: float, drawing: Path | None) -> dict[str, object]:
    config = f"[worker]\nkeep_alive = {KEEP_ALIVE_S}\n"
    with (
        tempfile.TemporaryDirectory(prefix="hushd-") as name,
        supervisor(config) as root,
        Client(holder="soak") as client,
    ):
        folder = Path(name)
        clip = folder / "clip.wav"
        audio, rate = soundfile.read(recording("beckett.wav"), dtype="float32")
        soundfile.write(clip, audio[: int(CLIP_S * rate)], rate)
        watch = Watch(root, 0.25)
        watch.start()
        watch.mark(f"{max(COUNTS)} transcriptions")
        began = time.monotonic()
        sizes = transcribe_many(client, root, clip)
        many_s = time.monotonic() - began
        watch.mark("bursts of work, and gaps")
        work = Work(client, folder)
        work.burst()
        wait_until_childless(root, KEEP_ALIVE_S + 5)
        before = own_mb(root)
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end:
            work.burst()
            work.gap(root)
        wait_until_childless(root, KEEP_ALIVE_S + 5)
        after = own_mb(root)
        time.sleep(1)
        watch.stop()
        starts = {row["name"]: row["starts"] for row in client.status()["workers"]}
        if drawing:
            watch.draw(drawing, "Memory of hushd's processes under mixed work (PSS)", own=True)
        first = sizes[COUNTS[0]]
        return {
            "transcriptions_a_second": round(max(COUNTS) / many_s, 1),
            "growth_mb_after": {str(count): round(size - first, 2) for count, size in sizes.items()},
            "mixed": work.done,
            "starts": starts,
            "mixed_growth_mb": round(after - before, 2),
            "supervisor_uss_mb": round(after, 1),
            "peak_pss_mb": round(sum(watch.peak()[0].values()), 1),
            "end_pss_mb": round(sum(watch.samples[-1][1].values()), 1),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--minutes", type=float, default=5.0, help="of mixed work, after the thousand transcriptions (5)"
    )
    parser.add_argument("--picture", metavar="FILE", type=Path, help="draw the memory over time there, as SVG")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves nothing behind then, either
    figures = run(options.minutes, options.picture)
    print(json.dumps(figures, indent=1))
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")
    growth = {"transcriptions": figures["growth_mb_after"][str(max(COUNTS))], "mixed": figures["mixed_growth_mb"]}  # type: ignore[index]
    for part, grown in growth.items():
        if grown > GROWTH_MB:
            print(f"scripts/soak: the supervisor has grown by {grown} MB ({part}).", file=sys.stderr)
    return int(any(grown > GROWTH_MB for grown in growth.values()))


if __name__ == "__main__":
    sys.exit(main())
