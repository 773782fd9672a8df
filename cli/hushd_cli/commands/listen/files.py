"""`listen FILE…`: several recordings at once, their transcripts in the order of the arguments."""

from __future__ import annotations

import heapq
import os
import stat
import threading
import time
from argparse import Namespace
from collections import deque
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from hushd.client import Client
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd.transport.warning import NO_EFFECT, ResultWarning
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_protocol.system.footprint import cores

from hushd_cli.terminal import console

from .job import Done, Event, Feed, Job, size_of, standard_input
from .options import transcribe_options
from .output import Output
from .progress import Progress

if TYPE_CHECKING:
    from hushd.transcripts.transcription import Transcription

    from .journal import Journal

OF_ALL = (  # errors that are none of the recording's
    "cancelled", "bad_request", "unsupported", "engine_missing", "model_missing", "model_too_large", "no_supervisor",
    "version_mismatch", "unauthorised",
)  # fmt: skip
BUSY = ("overloaded", "server_busy")  # beside other requests of ours: fewer at once, and this one later


class Recordings:
    """The files of one command, from their first request to their last line.

    As many requests run as there are cores; the supervisor starts further workers where memory allows, and queues the
    rest. Threads transcribe, and the caller's thread does everything that can be seen: it prints, writes and
    complains, in an order that does not depend on which file was faster.

    Attributes:
        status: the highest exit code so far.
    """

    def __init__(self, client: Client, options: Namespace, output: Output) -> None:
        self._client = client
        self._options = options
        self._names: list[str] = options.files
        self._output = output
        self._params = transcribe_options(options)
        self._waiting = list(range(len(self._names)))  # a heap: a file that had to wait comes before later ones
        self._threads = self._at_once = min(len(self._names), cores())
        self._lock = threading.Lock()  # guards what follows and the heap
        self._requesting = threading.Lock()
        self._events: SimpleQueue[tuple[int, Event]] = SimpleQueue()
        self._inboxes: list[deque[Event]] = [deque() for _ in self._names]  # what has arrived and is not yet printed
        self._journals: dict[int, Journal] = {}
        self._under_way: dict[int, Transcription | None] = {}  # None until the request is sent
        self._accompanied: set[int] = set()  # those of them that have run beside another
        self._progress = Progress([(os.path.basename(name), size_of(name)) for name in self._names])
        self._line = console.StatusLine()
        self._stopped = False
        self._wordless = False
        self._warned: set[str] = set()
        self.status = 0

    def run(self) -> None:
        """Transcribes all files; complains about those that fail."""
        try:
            first = self._begin()  # in this thread, so that Ctrl-C also interrupts the start of a supervisor
            for job in [first, *[None] * (self._threads - 1)]:
                threading.Thread(target=self._work, args=(job,), name="hushd-transcribe", daemon=True).start()
            for index, name in enumerate(self._names):
                try:
                    self._show(index, name)
                except HushdError as error:
                    self._complain(error)
                    if error.code in OF_ALL or (error.code == "output_failed" and self._output.printed):
                        break  # the next one would fare no better
        finally:
            self._stop()
            self._line.clear()
            if any(journal.kept for journal in list(self._journals.values())):  # threads add to it
                console.note("The same command with --resume goes on where it was interrupted.")
        if self._wordless and (self._options.word_times or getattr(self._options, "highlight_words", False)):
            console.complain("The engine knows no word times, so there are none.")

    # --- the caller's thread -----------------------------------------------------------------------------------------

    def _show(self, index: int, name: str) -> None:
        """Prints a recording's transcript as it arrives, or waits until its files are written."""
        feed = Feed(partial(self.receive, index), bool(self._options.diarize))
        if self._output.printed:
            for text in self._output.pieces(feed):
                self._line.clear()
                console.write(text)
                self._line.show(self._progress.line)
            self._finish(index)
        else:
            deque(feed, maxlen=0)
        for warning in feed.warnings:
            self._warn(name, warning)
        if feed.damage:
            raise feed.damage

    def receive(self, index: int) -> Segment | Done:
        """The next segment of a recording, and at last the whole; raises the error that ended it."""
        inbox = self._inboxes[index]
        while not inbox:
            self._take(*self._events.get())
        event = inbox.popleft()
        if isinstance(event, BaseException):
            raise event
        assert isinstance(event, Segment | Done)
        return event

    def _take(self, index: int, event: Event) -> None:
        """Handles an event of one recording."""
        now = time.monotonic()
        if isinstance(event, tuple):
            self._progress.heard(index, *event, now)
        elif isinstance(event, Segment):
            self._progress.heard(index, event.end, 0.0, now)
            self._inboxes[index].append(event)
            self._wordless |= not event.words
        elif isinstance(event, Done):
            if event.damage:
                self._progress.give_up(index)
            else:
                self._progress.finish(index, now)
            self._inboxes[index].append(self._saved(index, event))
        else:
            self._progress.give_up(index)
            self._inboxes[index].append(event)
        self._line.show(self._progress.line)

    def _saved(self, index: int, done: Done) -> Done | HushdError:
        """Writes the files of a recording as soon as it is done, and not when its turn comes to be printed."""
        if not self._output.printed:
            try:
                self._output.save(self._names[index], done.transcript)
            except HushdError as error:
                return error
            self._finish(index)
        return done

    def _finish(self, index: int) -> None:
        if index in self._journals:
            self._journals[index].remove()

    def _warn(self, name: str, warning: ResultWarning) -> None:
        """Prints a warning with the name of its recording, or once if it is about the options, which all share."""
        text = warning.message if warning.code == NO_EFFECT else f"{name}: {warning.message}"
        if text not in self._warned:
            self._warned.add(text)
            self._line.clear()
            console.complain(text)

    def _complain(self, error: HushdError) -> None:
        self._line.clear()
        console.complain(error.message)
        self.status = max(self.status, error.exit_code)

    def _stop(self) -> None:
        """Cancels what still runs."""
        with self._lock:
            self._stopped = True
            for transcription in filter(None, self._under_way.values()):
                transcription.close()

    # --- the threads that hear ---------------------------------------------------------------------------------------

    def _work(self, job: Job | None) -> None:
        while job := job or self._begin():
            try:
                event: Event = self._transcribe(job)
            except BaseException as error:
                event = error
            if not (isinstance(event, HushdError) and event.code in BUSY and self._put_off(job)):
                self._events.put((job.index, event))
                self._end(job.index)
            job = None

    def _begin(self) -> Job | None:
        """Sends the next request, one thread at a time, so that they are in the arguments' order."""
        with self._requesting:
            while (index := self._next()) is not None:
                try:
                    job = self._request(index, self._names[index])
                except Exception as error:
                    self._events.put((index, error))
                    self._end(index)
                else:
                    with self._lock:
                        self._under_way[index] = job.transcription
                        if self._stopped:
                            job.transcription.close()
                    return job
            return None

    def _next(self) -> int | None:
        """The first recording that no thread has begun; without one, or with too many threads, this one ends."""
        with self._lock:
            if not self._waiting or self._stopped or self._threads > self._at_once:
                self._threads -= 1
                return None
            index = heapq.heappop(self._waiting)
            self._under_way[index] = None
            if len(self._under_way) > 1:
                self._accompanied.update(self._under_way)
            return index

    def _put_off(self, job: Job) -> bool:
        """Takes a refused recording back, to be asked for with fewer at once; returns False if it has run alone.

        Whether it has is noted as the requests begin: the other may end before this thread reads the refusal.
        """
        with self._lock:
            if job.index not in self._accompanied:
                return False
            if job.journal:
                job.journal.close()
            self._forget(job.index)
            heapq.heappush(self._waiting, job.index)
            self._at_once = max(min(self._at_once, self._threads) - 1, 1)
            return True

    def _end(self, index: int) -> None:
        with self._lock:
            self._forget(index)

    def _forget(self, index: int) -> None:
        del self._under_way[index]
        self._accompanied.discard(index)

    def _request(self, index: int, name: str) -> Job:
        params = self._params.copy()
        journal = self._journal(index, name) if self._options.resume else None
        segments = journal.resume() if journal else []
        if journal and segments:
            self._progress.begin(index, journal.rest_s)
            params["start_s"] = journal.rest_s
            params["language"] = journal.language or params.get("language")
        transcription = self._client.transcribe_stream(
            standard_input() if name == "-" else name,
            engine=self._options.engine,
            model=self._options.model,
            keep_alive=self._options.keep_alive,
            on_progress=lambda done, total: self._events.put((index, (done, total))),
            **params,
        )
        if not self._options.resume:
            journal = self._journal(index, name)  # while the worker works
        return Job(index, transcription, journal, segments)

    def _transcribe(self, job: Job) -> Done:
        transcription, journal, segments = job.transcription, job.journal, job.segments
        earlier, damage = deque(segments), None
        while True:
            try:
                segment = next(transcription, None)  # an error that there is no room for this request comes here first
            except HushdError as error:
                if not error.detail.get("read_s"):
                    raise
                segment, damage = None, error
            while earlier:
                self._events.put((job.index, earlier.popleft()))
            if segment is None:
                break
            segment = replace(segment, id=len(segments))
            segments.append(segment)
            if journal:
                total = self._progress.total(job.index)
                journal.add(segment, total, transcription.rest_s, transcription.language)
            self._events.put((job.index, segment))
        duration = damage.detail["read_s"] if damage else transcription.duration
        transcript = Transcript(
            tuple(segments),
            transcription.language,
            duration,
            warnings=transcription.warnings,
            unlikely=transcription.unlikely,
            language_probability=transcription.language_probability,
        )
        return Done(transcript, damage)

    def _journal(self, index: int, name: str) -> Journal | None:
        """None for a stream, which cannot be read again, and where half a recording is of no use."""
        if name == "-" or self._options.diarize:
            return None
        try:
            info = os.stat(name)
        except (OSError, ValueError):
            return None  # opening it reports why
        if not stat.S_ISREG(info.st_mode):
            return None
        from .journal import Journal

        request = {"engine": self._options.engine, "model": self._options.model, **self._params}
        journal = Journal(paths.find().transcripts, name, info, request)
        self._journals[index] = journal
        return journal
