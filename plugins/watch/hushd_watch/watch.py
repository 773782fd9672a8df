"""The loop of `hushd watch`: waits for recordings, and has a process of its own hear each batch.

That process is a fork which runs `listen`, and ends with all that it has imported: the one that waits stays small.
"""

from __future__ import annotations

import json
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
from hushd_protocol.errors import CODES, HushdError
from hushd_protocol.suggest import escaped
from hushd_protocol.system import lifeline

from .folder import Folder, Signature, by_stem, is_written, signature
from .recordings import Ledger, Queue

TRIES = 3  # tries of a recording with which a worker fails
_FOR_GOOD = ("input_unreadable", "too_large", "no_speech", "poison_request")  # errors of a recording itself


class Watch:
    """The watch over a folder. `options` are `listen`'s, for each recording; an empty `to` is its own folder."""

    def __init__(self, options: Namespace, folder: Folder, to: str, record: Ledger) -> None:
        self._options, self._folder, self._to, self._record = options, folder, to, record
        self._queue = Queue()
        self._tries: Counter[tuple[str, Signature]] = Counter()
        self._next_look = time.monotonic() if folder.look_s else math.inf

    def run(self) -> int:
        """Watches until Ctrl-C, and returns the exit status; in the process of a batch that of `listen`.
        Raises `input_unreadable` once the folder is gone."""
        signal.signal(signal.SIGIO, signal.SIG_IGN)  # a writer breaks a lease by it
        self._changed([] if self._folder.look_s else self._folder.scan())
        try:
            while True:
                while batch := self._next_batch():
                    (held, holder), (report, record), parent = os.pipe(), os.pipe(), os.getpid()
                    if not (child := os.fork()):  # there is one thread
                        os.close(holder)
                        os.close(report)
                        return self._hear([*batch], held, record, parent)
                    os.close(held)
                    os.close(record)
                    with open(report, "rb") as file:
                        self._judge(batch, dict(json.loads(line) for line in file if line.endswith(b"\n")))
                    os.waitpid(child, 0)
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
            names = by_stem(os.path.dirname(paths[0]))
            for path in paths:
                found = signature(path)
                if not found or found == self._record.signature(path) or is_written(path):
                    continue  # its writer's end, or the next change, brings it back
                if why := self._why_not(path, names):
                    self._skip(path, found, why)
                else:
                    batch[path] = found
        return batch

    def _why_not(self, path: str, names: Mapping[str, list[str]]) -> str:
        """Returns why a recording is not to be heard, else nothing. `names`: those of its folder, by their stems."""
        name = os.path.basename(path)
        if rival := next((each for each in names.get(os.path.splitext(name)[0], []) if each != name), ""):
            return f"{rival} would have the same transcript, rename one of them and `touch` the other"
        if self._record.signature(path) or not self._has_transcript(path):
            return ""
        return "it has a transcript already, `touch` has it heard again"

    def _skip(self, path: str, found: Signature, why: str) -> None:
        log(f"left {path}: {why}")
        self._record.add(path, found)

    def _place(self, path: str) -> str:
        """Returns the folder of a recording's transcript."""
        folder = os.path.dirname(path)
        below = os.path.relpath(folder, self._folder.root)
        return os.path.normpath(os.path.join(self._to, below)) if self._to else folder

    def _has_transcript(self, path: str) -> bool:
        """Returns whether all formats of a recording's transcript are there."""
        text = os.path.join(self._place(path), os.path.splitext(os.path.basename(path))[0])
        forms = TRANSCRIPT_FORMATS if self._options.format == ALL else [self._options.format or "txt"]
        return all(os.path.exists(f"{text}.{form}") for form in forms)

    def _hear(self, paths: list[str], held: int, record: int, parent: int) -> int:
        """Hears recordings in this process, which ends with the `parent`, at once; writes into the pipe `record` a line
        of JSON for each that has ended, with the code of its error; returns `listen`'s exit status."""
        self._record.close()
        os.setpgid(0, 0)
        lifeline.arm(held, parent)
        from hushd_cli.commands.listen import command  # noqa: PLC0415 - the process that waits does without

        def ended(path: str, error: HushdError | None) -> None:
            os.write(record, f"{json.dumps([path, error.code if error else ''])}\n".encode())

        self._options.files, self._options.output_dir = paths, self._place(paths[0])
        return command.run(self._options, ended)

    def _judge(self, batch: Mapping[str, Signature], ended: Mapping[str, str]) -> None:
        """Decides what becomes of each recording of a batch by the code of its own error, which is empty where it was
        heard. One without a code was not begun, because of an error that concerns all, or was broken off."""
        again = []
        for path, found in batch.items():
            code = CODES.get(ended.get(path, "cancelled"))
            if not code:
                log(f"heard {path}")
                self._record.add(path, found)
            elif signature(path):
                self._tries[path, found] += code.culprit == "worker"
                if code.name in _FOR_GOOD or self._tries[path, found] >= TRIES:
                    self._skip(path, found, "it failed")
                else:
                    again.append(path)
        if wait_s := self._queue.again(again, time.monotonic()):
            log(f"{len(again)} waiting, to be tried again in {wait_s:.0f} s")


def log(text: str) -> None:
    console.complain(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {escaped(text)}".replace("\n", r"\n"))
