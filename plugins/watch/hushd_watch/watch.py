"""The loop of `hushd watch`: waits for recordings, and has a process of its own hear each batch.

That process is a fork which runs `listen`, and ends with all that it has imported: the one that waits stays small.
"""

from __future__ import annotations

import math
import os
import select
import signal
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Mapping

from hushd.transcripts.formats import TRANSCRIPT_FORMATS
from hushd_cli.commands.listen.options import ALL
from hushd_cli.terminal import console
from hushd_protocol.errors import CODES
from hushd_protocol.suggest import escaped
from hushd_protocol.system import lifeline
from hushd_schema.sound_file import SUFFIXES

from .folder import Folder, Signature, is_written, signature
from .recordings import Ledger, Queue

TRIES = 3  # tries of a recording with which a worker fails
_UNREADABLE, _FAILED = CODES["input_unreadable"].exit, CODES["worker_failed"].exit


class Watch:
    """The watch over a folder. `options` are `listen`'s, for each recording; an empty `to` is its own folder."""

    def __init__(self, options: Namespace, folder: Folder, to: str, record: Ledger) -> None:
        self._options, self._folder, self._to, self._record = options, folder, to, record
        self._queue = Queue()
        self._tries: Counter[str] = Counter()
        self._next_look = time.monotonic() if folder.look_s else math.inf

    def run(self) -> int:
        """Watches until Ctrl-C, and returns the exit status; in the process of a batch that of `listen`.
        Raises `input_unreadable` once the folder is gone."""
        signal.signal(signal.SIGIO, signal.SIG_IGN)  # a writer breaks a lease by it
        self._changed([] if self._folder.look_s else self._folder.scan())
        try:
            while True:
                while batch := self._next_batch():
                    before = {path: self._transcripts(path) for path in batch}
                    (held, holder), parent = os.pipe(), os.getpid()
                    if not (child := os.fork()):  # there is one thread
                        os.close(holder)
                        return self._hear([*batch], held, parent)
                    os.close(held)
                    self._judge(batch, before, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
                    os.close(holder)
                self._wait()
        except KeyboardInterrupt:
            console.note("The next start hears the rest.")  # the line stands behind one of progress
            return 0

    def _wait(self) -> None:
        """Waits for events, or until the next recording may be heard or the folder is to be looked at."""
        until = min(self._queue.wake_at(), self._next_look)
        wait_s = None if until == math.inf else max(0.0, until - time.monotonic())
        events = [self._folder.events] if self._folder.events else []
        if any(select.select(events, [], [], wait_s)) or time.monotonic() >= self._next_look:
            self._changed(self._folder.changes())
            self._next_look = time.monotonic() + (self._folder.look_s or math.inf)

    def _changed(self, paths: Iterable[str]) -> None:
        for path in paths:
            if (found := signature(path)) and found != self._record.signature(path):
                self._queue.changed(path, time.monotonic())

    def _next_batch(self) -> dict[str, Signature]:
        """Returns recordings of one folder to hear now; none if none is whole and new."""
        batch: dict[str, Signature] = {}
        while not batch and (paths := self._queue.next_batch(time.monotonic())):
            for path in paths:
                found = signature(path)
                if not found or found == self._record.signature(path) or is_written(path):
                    continue  # its writer's end, or the next change, brings it back
                if why := self._why_not(path):
                    self._skip(path, found, why)
                else:
                    batch[path] = found
        return batch

    def _why_not(self, path: str) -> str:
        """Returns why a recording is not to be heard, else nothing."""
        stem, own = os.path.splitext(path)
        others = (form(each) for each in SUFFIXES - {own.lower()} for form in (str.lower, str.upper))
        if rival := next((each for each in others if os.path.exists(stem + each)), ""):
            return f"{os.path.basename(stem)}{rival} would have the same transcript, rename one of them"
        known = self._record.signature(path) or not self._transcripts(path)
        return "" if known else "it has a transcript already, `touch` has it heard again"

    def _skip(self, path: str, found: Signature, why: str) -> None:
        log(f"left {path}: {why}")
        self._record.add(path, found)

    def _place(self, path: str) -> str:
        """Returns the folder of a recording's transcript."""
        folder = os.path.dirname(path)
        below = os.path.relpath(folder, self._folder.root)
        return os.path.normpath(os.path.join(self._to, below)) if self._to else folder

    def _transcripts(self, path: str) -> list[Signature]:
        """Returns what tells a recording's transcripts from later ones; nothing if one is missing."""
        text = os.path.join(self._place(path), os.path.splitext(os.path.basename(path))[0])
        forms = TRANSCRIPT_FORMATS if self._options.format == ALL else [self._options.format or "txt"]
        try:
            infos = [os.stat(f"{text}.{form}") for form in forms]
        except OSError:
            return []
        return [(info.st_ino, info.st_mtime_ns) for info in infos]

    def _hear(self, paths: list[str], held: int, parent: int) -> int:
        """Hears recordings in this process, which ends with the `parent`, at once; returns `listen`'s exit status."""
        self._record.close()
        os.setpgid(0, 0)
        lifeline.arm(held, parent)
        from hushd_cli.commands.listen import command  # imported here: the process that waits does without

        self._options.files, self._options.output_dir = paths, self._place(paths[0])
        return command.run(self._options)

    def _judge(self, batch: Mapping[str, Signature], before: Mapping[str, list[Signature]], status: int) -> None:
        """Decides what becomes of each recording of a batch that has ended."""
        self._tries.update([*batch] if status == _FAILED else ())
        again = []
        for path, found in batch.items():
            if (after := self._transcripts(path)) and after != before[path]:
                log(f"heard {path}")
                self._record.add(path, found)
            elif signature(path) and (status == _UNREADABLE or self._tries[path] >= TRIES):
                self._skip(path, found, "it failed")
            elif signature(path):
                again.append(path)
        if wait_s := self._queue.again(again, time.monotonic()):
            log(f"{len(again)} waiting, to be tried again in {wait_s:.0f} s")


def log(text: str) -> None:
    console.complain(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {escaped(text)}".replace("\n", r"\n"))
