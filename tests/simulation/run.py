"""Plays scripts, each in a process of its own that is forked from one that has loaded the product."""

from __future__ import annotations

import fcntl
import gc
import hashlib
import itertools
import json
import os
import resource
import shutil
import signal
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from .script import Outcome, Script
from .world import World

CPU_S = 120  # of one simulation; one that takes more goes on for ever
_PIPE = 900  # the descriptor by which a fork answers
_SHARED = Path(os.environ.get("SIMULATED_IN", "/dev/shm"))  # one that is killed leaves its folders there


class Runner:
    """Plays scripts.

    Args:
        jobs: scripts at a time.

    """

    def __init__(self, jobs: int = 1) -> None:
        gc.disable()  # what is garbage, and when, must not depend on what was made before
        self._world = World()
        self._jobs = jobs
        self._digest = hashlib.sha256()
        gc.collect()
        gc.freeze()

    @property
    def digest(self) -> str:
        """The digest of all histories so far."""
        return self._digest.hexdigest()[:16]

    def play_all(self, scripts: Iterable[Script], history: str | None = None) -> Iterator[tuple[Script, Outcome]]:
        """Plays scripts; yields each, in their order, with what came of it."""
        for script, outcome in self._outcomes(scripts, self._jobs, history):
            self._digest.update(f"{script.seed} {outcome.digest}\n".encode())
            yield script, outcome

    def _outcomes(
        self, scripts: Iterable[Script], jobs: int, history: str | None = None
    ) -> Iterator[tuple[Script, Outcome]]:
        """Plays scripts; kills those that still run when nobody wants more of them."""
        waiting: list[_Play] = []
        rest = iter(scripts)
        try:
            while True:
                for script in itertools.islice(rest, jobs - len(waiting)):
                    waiting.append(self._fork(script, history))
                if not waiting:
                    return
                play = waiting.pop(0)
                yield play.script, play.outcome()
        finally:
            for play in waiting:
                os.kill(play.pid, signal.SIGKILL)
                play.outcome()

    def _fork(self, script: Script, history: str | None) -> _Play:
        folder = Path(tempfile.mkdtemp(prefix="h", dir=_SHARED if _SHARED.is_dir() else None))
        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writing)
            return _Play(script, pid, reading, folder)
        try:
            self._world.network.epoll.close()  # it is not ours
            writing = fcntl.fcntl(writing, fcntl.F_DUPFD, _PIPE)
            os.closerange(3, _PIPE)  # what is open beside it must not decide the numbers of what is opened now
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 5))
            answer = json.dumps(self._played(script, folder, history))
            with open(writing, "w") as file:
                file.write(answer)
        finally:
            os._exit(0)

    def _played(self, script: Script, folder: Path, history: str | None) -> Outcome:
        try:
            return self._world.play(script, folder)
        except BaseException as error:
            text = f"the simulation ended with {type(error).__name__}: {error}"
            trace = traceback.format_exc()
            return Outcome(self._world.machine.digest, [text, trace], 0.0, {})
        finally:
            if history:
                self._write(Path(history), folder)

    def _write(self, path: Path, folder: Path) -> None:
        """Writes the history, and beside it what the kernel saw and the logs say."""
        machine = self._world.machine
        path.write_bytes(b"".join(machine.lines))
        with open(f"{path}.kernel", "w") as file:
            for event in machine.events:
                print(json.dumps(event, default=str), file=file)
            for log in sorted(folder.rglob("*.log")):
                print(f"--- {log.relative_to(folder)}", log.read_text(errors="replace"), sep="\n", file=file)


class _Play(NamedTuple):
    """A script that a fork plays."""

    script: Script
    pid: int
    pipe: int
    folder: Path

    def outcome(self) -> Outcome:
        """Reads the outcome, and removes the folder."""
        with open(self.pipe) as file:
            text = file.read()
        _, status = os.waitpid(self.pid, 0)
        shutil.rmtree(self.folder)
        if not text:
            return Outcome("", [f"the simulation has no end: its process ended with status {status}"], 0.0, {})
        return Outcome(*json.loads(text))
