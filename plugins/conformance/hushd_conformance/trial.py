"""An engine with one model on trial, as cases use it. Each role has its own class."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.messages import Chunk, Credit, Message, Partial
from hushd_protocol.messages import Job as JobMessage
from hushd_schema.description import EngineDescription
from hushd_worker.engine import BaseEngine
from hushd_worker.engine_registry import EngineRegistry
from hushd_worker.errors import answer as in_words
from hushd_worker.errors import fatal, out_of_memory
from hushd_worker.job import Cancelled, Job
from hushd_worker.worker import BaseWorker

from .case import LeftOut

_ENDLESS_CREDIT = 10**9
_TRIAL_LOOK_INTERVAL_S = 0.01


@dataclass
class Answer:
    """The outcome of a job."""

    result: JsonObject = field(default_factory=dict)
    error: HushdError | None = None
    raised: str = ""  # an exception that an engine must not raise
    cancelled: bool = False
    partials: list[JsonObject] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)

    def faults(self, what: str, *, may_refuse: bool = False) -> Iterator[str]:
        """Yields the faults of an answer, which should be a result or, if it `may_refuse`, a sentence."""
        if self.raised:
            yield f"{what} raises {self.raised}"
        elif self.error is not None:
            yield from ill_said(what, self.error) if may_refuse else [f"{what} is refused: {self.error.message}"]


class Trial(ABC):
    """An engine with one model.

    Args:
        named: the model's name, or `default`.
        sound: a recording of speech for the model; None: the role's own.
    """

    role: ClassVar[str]
    registry: ClassVar[EngineRegistry[Any, Any]]
    op: ClassVar[str]

    def __init__(self, name: str, named: str = "default", sound: Path | None = None) -> None:
        self.name, self.named, self.sound = name, named, sound
        self._worker: BaseWorker | None = None
        self._broken = False

    @property
    @abstractmethod
    def model(self) -> str:
        """Returns the model's name."""

    @abstractmethod
    def described(self) -> EngineDescription:
        """Describes the engine again."""

    @property
    @abstractmethod
    def engine(self) -> BaseEngine:
        """Returns the loaded engine itself."""

    @abstractmethod
    def make_worker(self, model: str) -> BaseWorker:
        """Makes a worker of the role with the engine, without loading anything."""

    @abstractmethod
    def work(self) -> Answer:
        """Does a usual small job."""

    @abstractmethod
    def long_work(self, cancel: Callable[[int], bool]) -> Answer:
        """Does a job of some seconds, until `cancel` says that the client has left (see `ask`)."""

    @abstractmethod
    def gist(self, answer: Answer) -> object:
        """Returns the part of an answer that is the same each time."""

    @property
    def worker(self) -> BaseWorker:
        """Returns the worker with its engine loaded. The first failure of the load is raised; later, cases are left
        out."""
        if self._broken:
            raise LeftOut("it does not load")
        if self._worker is None:
            self._broken = True
            worker = self.make_worker(self.model)
            worker.load(lambda note: None)
            self._worker, self._broken = worker, False
        return self._worker

    def ask(
        self,
        op: str,
        source: bytes | Iterable[bytes],
        params: JsonObject | None = None,
        cancel: Callable[[int], bool] | None = None,
    ) -> Answer:
        """Does one job, with unlimited credit, like the worker's thread.

        Args:
            source: bytes inline, or a stream, whose next piece comes when the worker requests it.
            cancel: called from time to time with the number of messages so far; returns whether the client leaves.
        """
        worker, client = self.worker, _Client(source, cancel)
        sent: JsonObject = {"input": "inline", "payload": source} if isinstance(source, bytes) else {"input": "stream"}
        message = JobMessage(id=bytes(16), op=op, params=params or {}, credit=_ENDLESS_CREDIT, **sent)
        job = client.job = Job(message, client.take)
        answer = client.answer
        try:
            with client.watching():
                job.check()
                answer.result = worker.run(job)
        except Cancelled:
            answer.cancelled = True
        except HushdError as error:
            answer.error = error
        except Exception as error:  # the engine may raise anything
            if out_of_memory(error) or fatal(error):  # the client gets a sentence, or the process ends
                answer.error = in_words(b"", error).exception()
                return answer
            answer.raised = f"{type(error).__name__}: {reason(error)}"
        return answer


class _Client:
    """The other end of a job: it receives the output, sends the stream as requested, and may leave."""

    job: Job

    def __init__(self, source: bytes | Iterable[bytes], cancel: Callable[[int], bool] | None) -> None:
        self.answer = Answer()
        self._stream = None if isinstance(source, bytes) else iter(source)
        self._cancel = cancel
        self._sent = self._received = 0
        self._over = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Checks every few milliseconds whether to leave, since a working engine sends nothing for seconds."""
        self._look()
        if self._cancel:  # a thread that ends later would count among what a job has left behind
            threading.Thread(target=self._watch, daemon=True).start()
        try:
            yield
        finally:
            self._over.set()

    def take(self, message: Message) -> None:
        """Receives a message of the job."""
        self._received += 1
        match message:
            case Credit():
                for _ in range(message.chunks):
                    self._feed()
            case Chunk():
                self.answer.chunks.append(message)
            case Partial():
                self.answer.partials.append(message.data)
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(_TRIAL_LOOK_INTERVAL_S):
            self._look()

    def _look(self) -> None:
        if self._cancel and self._cancel(self._received):
            self.job.cancel()

    def _feed(self) -> None:
        if self._stream is not None:
            piece = next(self._stream, b"")
            self.job.feed(Chunk(id=self.job.id, seq=self._sent, payload=piece, last=not piece))
            self._sent += 1
            self._stream = self._stream if piece else None


def ill_said(what: str, error: HushdError) -> Iterator[str]:
    """Yields the faults of an error's message."""
    text = error.message
    if "\n" in text or "Traceback" in text or not text.endswith((".", "?", "!")) or len(text) > 2000:
        yield f"the answer to {what} is not a sentence: {text[:300]!r}"
