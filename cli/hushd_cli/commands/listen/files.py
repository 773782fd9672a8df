"""`listen FILE…`: transcribes several recordings at once, and prints them in the order of the arguments."""

from __future__ import annotations

import os
import stat
import threading
import time
from argparse import Namespace
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue

from hushd.client import Client
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript, Transcription
from hushd.transport.waiting import next_item
from hushd.warnings import NO_EFFECT, exit_code
from hushd_protocol.errors import BUSY, HushdError
from hushd_protocol.limits import MAX_PAYLOAD
from hushd_protocol.system import paths
from hushd_protocol.system.footprint import cores
from hushd_schema.results import ResultWarning

from hushd_cli.terminal import console
from hushd_cli.terminal.progress import Progress

from .journal import Journal
from .options import transcribe_options
from .output import Feed, Output
from .written import Written

Ended = Callable[[str, HushdError | None], None]
Event = Segment | Transcript | BaseException | tuple[float, float]  # the last: seconds done, and the total


@dataclass(slots=True)
class Job:
    """A recording under way, with the segments of an earlier run, and whether it has run beside another one."""

    index: int
    transcription: Transcription
    journal: Journal | None
    segments: list[Segment]
    accompanied: bool = False


def standard_input() -> Iterator[bytes]:
    """Yields the bytes of standard input as they arrive."""
    return iter(lambda: os.read(0, MAX_PAYLOAD), b"")


class Files:
    """The files of one command, from their first request to their last line.

    As many requests run as there are cores; the supervisor starts further workers where memory allows, and queues the
    rest. Only the caller's thread decides and acts: it requests, prints, writes and reports errors, in the order of the
    arguments. One thread for each request receives, and puts events into `_events`.

    Args:
        ended: called with a recording's name once its transcript is complete, or with the error that ended it; after
            one that concerns all the rest is not begun.

    Attributes:
        status: the highest exit code of the errors so far.
        doubted: that of the warnings.
    """

    def __init__(self, client: Client, options: Namespace, output: Output, ended: Ended | None = None) -> None:
        self._ended = ended or (lambda name, error: None)
        self._client = client
        self._options = options
        self._names: list[str] = options.files
        self._output = output
        self._params = transcribe_options(options)
        self._waiting = list(range(len(self._names)))
        self._at_once = min(len(self._names), cores())
        self._running: dict[int, Job] = {}
        self._events: SimpleQueue[tuple[int, Event]] = SimpleQueue()
        # Segments that have arrived and are not yet printed.
        self._inboxes: list[deque[Event]] = [deque() for _ in self._names]
        self._journals: dict[int, Journal] = {}
        self._languages: dict[int, str] = {}
        self._progress = Progress([os.path.basename(name) for name in self._names])
        self._line = console.StatusLine()
        self._warned: set[str] = set()
        self.status = self.doubted = 0

    def run(self) -> None:
        """Transcribes all files; reports failures."""
        try:
            for index, name in enumerate(self._names):
                try:
                    self._show(index, name)
                except HushdError as error:
                    self._complain(error)
                    self._ended(name, error)
                    if error.scope != "request" and (error.code != "output_failed" or self._output.printed):
                        break  # the next one would fail too
        finally:
            for job in self._running.values():
                job.transcription.close()
            self._line.clear()
            if any(journal.kept for journal in self._journals.values()):
                console.note("The same command with --resume continues where it was interrupted.")

    def _show(self, index: int, name: str) -> None:
        """Prints a recording's transcript as it arrives, or waits until its files are written."""
        feed = Feed(partial(self.receive, index), bool(self._options.diarize), lambda: self._languages.get(index, ""))
        if self._output.printed:
            feed.begin()  # a format's own first line comes later
            if self._output.titled and os.isatty(1):
                self._line.clear()
                console.write(f"{name}:\n")
            for text in self._output.pieces(feed):
                self._line.clear()
                console.write(text)
                self._line.show(self._progress.line)
            self._finish(index)
        else:
            deque(feed, maxlen=0)
        for warning in feed.warnings:
            self._warn(name, warning)
        self.doubted = max(self.doubted, exit_code(feed.warnings))

    def receive(self, index: int) -> Segment | Transcript:
        """Returns the next segment of a recording, and at the end the transcript; raises the error that ended it."""
        inbox = self._inboxes[index]
        while not inbox:
            while self._waiting and len(self._running) < self._at_once:
                self._begin(self._waiting.pop(0))
            self._handle(*next_item(self._events))
        event = inbox.popleft()
        if isinstance(event, BaseException):
            raise event
        assert isinstance(event, Segment | Transcript)
        return event

    def _handle(self, index: int, event: Event) -> None:
        now = time.monotonic()
        job = self._running.pop(index, None) if isinstance(event, Transcript | BaseException) else None
        if job and job.accompanied and isinstance(event, HushdError) and event.code in BUSY:
            self._put_off(job)
            return
        if isinstance(event, tuple):
            self._progress.heard(index, *event, now)
        elif isinstance(event, Segment):
            self._progress.heard(index, event.end, 0.0, now)
            self._inboxes[index].append(event)
        elif isinstance(event, Transcript):
            self._progress.finish(index, event.duration, now)
            self._inboxes[index].append(self._saved(index, event))
        else:
            self._progress.give_up(index)
            self._inboxes[index].append(event)
        self._line.show(self._progress.line)

    def _saved(self, index: int, transcript: Transcript) -> Transcript | HushdError:
        """Writes a finished recording's files at once, without waiting for its turn to be printed."""
        if not self._output.printed:
            try:
                self._output.save(self._names[index], transcript)
            except HushdError as error:
                return error
            self._finish(index)
        return transcript

    def _finish(self, index: int) -> None:
        self._ended(self._names[index], None)
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

    def _begin(self, index: int) -> None:
        """Requests a recording, and starts a thread that receives its transcript."""
        try:
            job = self._running[index] = self._request(index, self._names[index])
        except Exception as error:
            self._events.put((index, error))
            return
        if len(self._running) > 1:  # recorded now, since the others may have ended before a refusal is read
            for each in self._running.values():
                each.accompanied = True
        threading.Thread(target=self._hear, args=(job,), name="hushd-transcribe", daemon=True).start()

    def _put_off(self, job: Job) -> None:
        """Queues a recording again that was refused beside others, to request it with fewer at once."""
        if job.journal:
            job.journal.close()
        insort(self._waiting, job.index)  # keeps it before later ones
        self._at_once = max(min(self._at_once, len(self._running) + 1) - 1, 1)

    def _hear(self, job: Job) -> None:
        try:
            event: Event = self._transcribe(job)
        except BaseException as error:
            event = error
        self._events.put((job.index, event))

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
        if self._output.awaited:
            transcription.wait_for_verdict()
        if not self._options.resume:
            journal = self._journal(index, name)  # opened while the worker works
        return Job(index, transcription, journal, segments)

    def _transcribe(self, job: Job) -> Transcript:
        transcription, journal, segments = job.transcription, job.journal, job.segments
        earlier, script, written = deque(segments), self._options.script, None
        if self._options.written:
            written = Written(self._options)
        while True:
            segment = next(transcription, None)  # a refusal for lack of room is raised here first
            self._languages[job.index] = transcription.language
            while earlier and not script:
                self._events.put((job.index, earlier.popleft()))
            if segment is None:
                break
            segment = replace(segment, id=len(segments))
            segment = written.segment(segment, transcription.language) if written else segment
            segments.append(segment)
            if journal and not segment.speaker:
                total = self._progress.total(job.index)
                journal.add(segment, total, transcription.rest_s, transcription.language)
            if not script:
                self._events.put((job.index, segment))
        transcript = transcription.so_far(segments)
        if written:
            transcript = replace(transcript, warnings=(*transcript.warnings, *written.warnings))
        if script:
            transcript = script.aligned(transcript)
            for segment in transcript.segments:
                self._events.put((job.index, segment))
        return transcript

    def _journal(self, index: int, name: str) -> Journal | None:
        """Returns the recording's journal; None for a stream, which cannot be read again, and if a part is useless."""
        if name == "-" or self._options.diarize:
            return None
        try:
            info = os.stat(name)
        except (OSError, ValueError):
            return None  # opening it reports why
        if not stat.S_ISREG(info.st_mode):
            return None

        request = {"engine": self._options.engine, "model": self._options.model, **self._params}
        if self._options.written:
            request["written"] = True
        journal = Journal(paths.find().transcripts, name, info, request)
        self._journals[index] = journal
        return journal
