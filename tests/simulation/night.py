"""A night of seeds: on all processors, as many as fit, and what fails is there in the morning."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .run import Runner
from .script import Script
from .world import Outcome

HOURS = 8.0
_EVERY_S = 600.0  # a line on how far it is


class Night:
    """Plays seeds for `hours`, and writes to a folder.

    The folder has `seeds`, a line for each that was played with its digest and the seconds until all was at rest, by
    which the next night goes on where this one ended; and of each that fails its script, its violations and its
    history. A changed product wants an empty one.
    """

    def __init__(self, folder: str, hours: float) -> None:
        self._folder = Path(folder).absolute()
        self._end = time.monotonic() + 3600 * hours

    def play(self, drawn: Callable[[int], Script], first: int, add: Callable[[Script, Outcome], None]) -> None:
        """Plays the scripts that `drawn` has for the seeds from `first` on, and adds up what comes of them."""
        self._folder.mkdir(parents=True, exist_ok=True)
        first = self._next(first)
        print(f"from seed {first} on; what fails goes to {self._folder}", flush=True)
        runner = Runner(os.cpu_count() or 1)
        spoken = time.monotonic()
        with open(self._folder / "seeds", "a", buffering=1) as seeds:
            for script, outcome in runner.play_all(self._scripts(drawn, first)):
                add(script, outcome)
                if outcome.violations:
                    self._keep(runner, script, outcome)  # first: a night that ends here plays this seed once more
                print(script.seed, outcome.digest, outcome.settled, "fails" * bool(outcome.violations), file=seeds)
                if time.monotonic() > spoken + _EVERY_S:
                    spoken = time.monotonic()
                    print(f"so far to seed {script.seed}", flush=True)

    def _scripts(self, drawn: Callable[[int], Script], first: int) -> Iterator[Script]:
        for seed in itertools.count(first):
            if time.monotonic() > self._end:
                return
            yield drawn(seed)

    def _next(self, first: int) -> int:
        """Returns the seed after the last one that was played; takes away a line that was cut off."""
        try:
            with open(self._folder / "seeds", "rb+") as seeds:
                text = seeds.read()
                whole = text[: text.rfind(b"\n") + 1]
                seeds.truncate(len(whole))
        except FileNotFoundError:
            return first
        return max([first, *(int(line.split()[0]) + 1 for line in whole.splitlines())])

    def _keep(self, runner: Runner, script: Script, outcome: Outcome) -> None:
        """Writes down all of a seed that fails: it plays it once more, to the same history."""
        path = self._folder / str(script.seed)
        path.with_suffix(".script").write_text(f"{script}\n")
        path.with_suffix(".violations").write_text("\n".join(outcome.violations) + "\n")
        runner.replay(script, str(path.with_suffix(".history")))
