"""An engine with one model on trial, as cases use it. Each role has its own class."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from hushd_models import catalogue
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.messages import Chunk, Credit, Message, Partial
from hushd_protocol.messages import Job as JobMessage
from hushd_protocol.system import paths
from hushd_schema import engines
from hushd_schema.description import EngineDescription
from hushd_worker.engine import Engine
from hushd_worker.job import Cancelled, Job
from hushd_worker.job_error import answer as in_words
from hushd_worker.job_error import fatal, out_of_memory

from .case import LeftOut

_CREDIT = 10**9
_LOOK_S = 0.01
Source = Path | bytes | Iterable[bytes]


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


@dataclass(frozen=True, slots=True)
class Place:
    """A place of models' files, from which a case can make a slightly different one.

    Attributes:
        root: the folder of the environment variable `variable`.
        folder: the folder of the engine's files in it.
        below: the path of the root in another place.
        value: the path of the variable in another place.
    """

    root: Path
    folder: Path
    variable: str
    below: str = ""
    value: str = ""


class Trial(ABC):
    """An engine with one model.

    Args:
        model: the model's name, or `default`.

    Attributes:
        op: the operation of its role.
        sound: a recording of speech for the model; None: the role's own.
        files: the files of its model, once a case has searched them.
    """

    role: ClassVar[str]
    op: ClassVar[str]
    sound: Path | None = None
    files: list[tuple[Path, Place]] | None = None

    def __init__(self, name: str, model: str = "default") -> None:
        self.name = name
        self.wanted = model
        self._worker: Engine | None = None
        self._broken = False

    @property
    @abstractmethod
    def model(self) -> str:
        """Returns the model's name."""

    @abstractmethod
    def described(self) -> EngineDescription:
        """Describes the engine again."""

    @abstractmethod
    def make_worker(self, model: str) -> Engine:
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
    def flags(self) -> tuple[str, ...]:
        """Returns the options with which another process makes the same trial."""
        return ("--role", self.role, *(["--sound", str(self.sound)] if self.sound else []))

    @property
    def spec(self) -> engines.EngineSpec | None:
        return engines.find(self.name, self.role)

    @property
    def worker(self) -> Engine:
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

    def places(self) -> Iterator[Place]:
        """Yields the possible places of its model's files."""
        places = paths.find()
        if (folder := places.models / self.name).is_dir():
            yield Place(places.models, folder, "HUSHD_MODELS_DIR")
        if package := _package(f"{self.name}/{self.model}"):
            yield Place(package, package, "PYTHONPATH", below=package.name)
        if self.spec is None or not self.spec.keeps_models:
            for path in places.config.parent.glob(f"*/{self.model}.toml"):
                yield Place(places.config.parent, path.parent, "HUSHD_CONFIG", value=places.config.name)

    def ask(
        self,
        op: str,
        source: Source,
        params: JsonObject | None = None,
        cancel: Callable[[int], bool] | None = None,
    ) -> Answer:
        """Does one job, with unlimited credit, like the worker's thread.

        Args:
            source: a file, bytes inline, or a stream, whose next piece comes when the worker requests it.
            cancel: called from time to time with the number of messages so far; returns whether the client leaves.
        """
        worker, client = self.worker, _Client(source, cancel)
        message = JobMessage(id=bytes(16), op=op, params=params or {}, credit=_CREDIT, **_input(source))
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

    def __init__(self, source: Source, cancel: Callable[[int], bool] | None) -> None:
        self.answer = Answer()
        self._stream = None if isinstance(source, Path | bytes) else iter(source)
        self._cancel = cancel
        self._sent = self._received = 0
        self._over = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Checks every few milliseconds whether to leave, since a working engine sends nothing for seconds."""
        self._look()
        if self._cancel:
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
        while not self._over.wait(_LOOK_S):
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


def _input(source: Source) -> JsonObject:
    if isinstance(source, bytes):
        return {"input": "inline", "payload": source}
    if isinstance(source, Path):
        info = os.stat(source)
        place = {"device": info.st_dev, "inode": info.st_ino, "size": info.st_size}
        return {"input": "path", "path": str(source), **place}
    return {"input": "stream"}


def _package(model: str) -> Path | None:
    """Returns the folder of the package that contains a model; None for a model outside packages."""
    from importlib.util import find_spec

    known = catalogue.find(model)
    package = find_spec(known.package) if known and known.package else None
    places = package.submodule_search_locations if package else None
    return Path(places[0]) if places else None


def ill_said(what: str, error: HushdError) -> Iterator[str]:
    """Yields the faults of an error's message."""
    text = error.message
    if "\n" in text or "Traceback" in text or not text.endswith((".", "?", "!")) or len(text) > 1500:
        yield f"the answer to {what} is not a sentence: {text[:300]!r}"


def faults_in_cancel(engine: Any, work: Callable[[], object], what: str) -> Iterator[str]:
    """Yields the faults of an engine whose client has gone: the exception of `check` must pass through `work`."""

    def gone() -> None:
        raise Cancelled

    usual = getattr(engine, "check", lambda: None)
    engine.check = gone
    try:
        work()
    except Cancelled:
        pass
    except HushdError as error:
        yield from ill_said(what, error)
    except Exception as error:  # the engine may raise anything
        yield f"it turns the exception into a {type(error).__name__}: {error!s:.200}"
    finally:
        engine.check = usual
