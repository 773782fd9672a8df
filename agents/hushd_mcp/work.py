"""Tasks: the work of each call on a thread of its own, which goes on after the call was answered with a ticket."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from hushd.agents import without_keys
from hushd.client import Client
from hushd.dialogue.conversation import Conversation
from hushd.dialogue.exchange import CancelScope
from hushd.warnings import CUT_OFF, UNLIKELY
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError

if TYPE_CHECKING:
    from hushd.transcripts.transcript import Transcript, Transcription

# Tasks of a session at once, with those whose calls were answered by a ticket; each has some ten files open.
MAX_TASKS = 16
MAX_RESULTS = 50  # results of ended tasks that can still be fetched
RESULT_S = 600.0  # seconds for which an idle process stays for its results
DEVICES_CLOSE_TIMEOUT_S = 1.0  # seconds to fall silent and close the devices
# Seconds: below the shortest limit of a known host (5 s), above the delay between parallel calls of one host.
GIVEN_UP_S = 4.0
UNATTENDED_S = 60.0  # seconds for which a microphone stays open while no call waits for its result
ENDED = ("completed", "failed", "cancelled")
LISTENING = ("listen", "converse")  # the tools that open the microphone


class Progress(Protocol):
    @property
    def state(self) -> str:
        """`queued`, `speaking`, `listening` or `transcribing`."""

    @property
    def heard(self) -> str:
        """The text understood so far."""


@dataclass
class Reading:
    """The progress of a transcription: its texts so far; `done` and `total` in seconds of audio."""

    state: str = "queued"
    segments: list[str] = field(default_factory=list)
    done: float = 0.0
    total: float = 0.0

    @property
    def heard(self) -> str:
        return " ".join(text for segment in self.segments if (text := segment.strip()))


Work = Callable[["Client", "Task"], JsonObject]


class Task:
    """The work of one call, started on construction.

    Each has a connection of its own: tasks queue for the floor like separate clients, while in one client a newer
    request would end the older one; and without tasks the supervisor has no client here.

    Attributes:
        ticket: its name.
        kind: the tool, without its prefix.
        scope: the scope that ends the work.
    """

    def __init__(self, kind: str, holder: str, work: Work) -> None:
        self.ticket = secrets.token_hex(4)
        self.kind = kind
        self.progress: Progress | None = None
        self.result: JsonObject = {}
        self.error: HushdError | None = None
        self.finished = threading.Event()
        self.reported = False
        self.asked_at = time.monotonic()
        self._calls = 0  # calls that wait for it
        self._abandoning: threading.Timer | None = None
        self._ended_because = ""
        self.scope = CancelScope()
        self._thread = threading.Thread(target=self._run, args=(holder, work), name=f"hushd-{kind}", daemon=True)
        self._thread.start()

    @property
    def state(self) -> str:
        """A state of `Progress`, or one of `ENDED`."""
        if not self.finished.is_set():
            return self.progress.state if self.progress else "queued"
        if self.error is None:
            return "completed"
        return "cancelled" if self.error.code == "cancelled" else "failed"

    @property
    def heard(self) -> str:
        return self.progress.heard if self.progress else ""

    @property
    def audio(self) -> tuple[float, float | None] | None:
        """Returns the recording's seconds read so far, and its length if known; None without a recording."""
        reading = self.progress
        return (reading.done, reading.total or None) if isinstance(reading, Reading) else None

    @property
    def listens(self) -> bool:
        """True if it holds the microphone or waits for it."""
        return self.kind in LISTENING and not self.finished.is_set()

    def end(self, reason: str = "It was stopped.") -> None:
        """Ends the task at once; `reason` becomes its error's sentence. Safe to call twice."""
        self._ended_because = self._ended_because or reason
        self.scope()

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Marks a call that waits for the task. A microphone for which no call waits is closed after a while."""
        if self._abandoning is not None:
            self._abandoning.cancel()
        self.asked_at = time.monotonic()
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            if self.listens and not self._calls:
                self._abandoning = threading.Timer(UNATTENDED_S, self._abandon)
                self._abandoning.daemon = True
                self._abandoning.start()

    def _abandon(self) -> None:
        if not self._calls:
            self.end(f"Nobody asked for the result within {UNATTENDED_S:.0f} seconds, so the microphone was closed.")

    def _run(self, holder: str, work: Work) -> None:
        try:
            with Client(holder=holder) as client:
                self.scope.check()
                self.result = work(client, self)
        except HushdError as error:
            ended = error.code == "cancelled" and self._ended_because
            self.error = HushdError("cancelled", self._ended_because) if ended else error
        except Exception as error:
            self.error = HushdError("worker_failed", f"This is a bug in hushd ({type(error).__name__}: {error}).")
        finally:
            self.finished.set()


class TaskRegistry:
    """The tasks of one session."""

    most = MAX_TASKS

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: dict[str, Task] = {}
        self._closed = False

    def begin(self, kind: str, holder: str, work: Work) -> Task:
        """Starts a task. A newer use of the microphone ends an abandoned older one, see `_reclaim`.
        Raises `shutting_down`; `server_busy` beyond `most`."""
        with self._lock:
            if self._closed:
                raise HushdError("shutting_down", "The server is leaving.")
            if kind in LISTENING:
                self._reclaim()
            if len(self._under_way()) >= self.most:
                raise HushdError(
                    "server_busy", f"{self.most} calls of this session run already: end one by its ticket, or wait."
                )
            ended = [task for task in self._tasks.values() if task.finished.is_set()]
            for task in ended[: max(0, len(ended) - MAX_RESULTS)]:
                del self._tasks[task.ticket]
            task = Task(kind, holder, work)
            self._tasks[task.ticket] = task
            return task

    def find(self, ticket: str) -> Task:
        """Returns the task of a ticket. Raises `bad_request` for an unknown ticket."""
        task = self._tasks.get(ticket.strip().lower())
        if task is None:
            raise HushdError(
                "bad_request",
                f"There is no ticket {ticket!r}: a ticket ends with its session, and the last {MAX_RESULTS} results "
                "are kept until a minute after they were told; make the call again.",
            )
        return task

    def under_way(self) -> list[Task]:
        """Returns the running tasks, the oldest first."""
        with self._lock:
            return self._under_way()

    def awaited(self) -> bool:
        """Returns whether a task runs, or has a result that the host may still fetch."""
        with self._lock:
            since = time.monotonic() - RESULT_S
            return any(
                not task.finished.is_set() or (task.kind != "say" and not task.reported and task.asked_at > since)
                for task in self._tasks.values()
            )

    def close(self) -> None:
        """Ends all tasks, and returns when speech has stopped. No task can start afterwards."""
        with self._lock:
            self._closed = True
            left = [task for task in self._tasks.values() if not task.finished.is_set()]
        for task in left:
            task.end()
        for task in left:
            task.finished.wait(DEVICES_CLOSE_TIMEOUT_S)

    def _under_way(self) -> list[Task]:
        return [task for task in self._tasks.values() if not task.finished.is_set()]

    def _reclaim(self) -> None:
        """Ends older tasks that use the microphone.

        Several hosts give up on a call without cancelling it, and their model then calls again; the user would answer a
        call that no host waits for. Parallel calls arrive together, so only older ones were abandoned.
        """
        for task in self._under_way():
            if task.listens and time.monotonic() - task.asked_at >= GIVEN_UP_S:
                task.end("A later call of the same session has taken the microphone.")


Options = JsonObject


def say(text: str, priority: str, options: Options) -> Work:
    """Returns the work of speaking `text`; of a key in it that it is one is all that is said."""

    def work(client: Client, task: Task) -> Options:
        speech = _conversation(client, task, priority).say(without_keys(text), **options)
        return {"duration": round(speech.seconds, 2), "voice": speech.voice}

    return work


def listen(priority: str, options: Options) -> Work:
    """Returns the work of hearing one utterance."""

    def work(client: Client, task: Task) -> Options:
        return _found(_conversation(client, task, priority, duck=True).listen(**options))

    return work


def converse(text: str, priority: str, speaking: Options, listening: Options) -> Work:
    """Returns the work of speaking `text` as `say` does, then hearing the answer."""

    def work(client: Client, task: Task) -> Options:
        conversation = _conversation(client, task, priority, duck=True)
        return _found(conversation.converse(without_keys(text), speaking, listening))

    return work


def transcribe(recording: str, segments: bool, options: Options) -> Work:
    """Returns the work of transcribing a recording, by its path."""

    def work(client: Client, task: Task) -> Options:
        reading = task.progress = Reading()

        def note(done: float, total: float) -> None:
            reading.state, reading.done, reading.total = "transcribing", done, total

        people: Options = {"people": client.voiceprints()} if options.get("diarize") else {}
        transcription = client.transcribe_stream(recording, on_progress=note, **options, **people)
        parts = []
        with task.scope.ending(transcription.close):
            for segment in transcription:
                reading.state = "transcribing"
                reading.segments.append(segment.text)
                parts.append(
                    {"start": round(segment.start, 2), "end": round(segment.end, 2), "text": segment.text.strip()}
                    | ({"speaker": segment.speaker} if segment.speaker else {})
                )
        data = {"text": reading.heard, "duration": round(transcription.duration, 2)}
        if transcription.diarized:
            data["text"] = "\n".join(f"{part.get('speaker', '?')}: {part['text']}" for part in parts)
        return data | _language(transcription) | ({"segments": parts} if segments else {})

    return work


def _conversation(client: Client, task: Task, priority: str, duck: bool = False) -> Conversation:
    # Speaking does not open the microphone.
    conversation = Conversation(client, mode="half", priority=priority, duck=duck, stop=task.scope)
    task.progress = conversation
    return conversation


def _found(transcript: Transcript) -> Options:
    return {"text": transcript.text, "duration": round(transcript.duration, 2)} | _language(transcript)


def _language(transcript: Transcript | Transcription) -> Options:
    """Returns the language, and the model that has heard it again; of a text that is probably wrong, or not whole, the
    sentences that say why."""
    doubts = [warning for warning in transcript.warnings if warning.code in (UNLIKELY, CUT_OFF)]
    why = {"message": " ".join(warning.message for warning in doubts)} if doubts else {}
    if any(warning.code == UNLIKELY for warning in doubts):
        return {"unlikely": True} | why
    heard_by = {"model": transcript.model} if transcript.model else {}
    return ({"language": transcript.language} if transcript.language else {}) | heard_by | why
