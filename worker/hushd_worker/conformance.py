"""Claims that every engine keeps, for pytest: an author's test plays them to an engine (docs/PLUGINS.md).

A case is a function whose docstring is the claim. It gets a `Trial` and raises an `AssertionError` with what is wrong,
or `unittest.SkipTest` where it does not concern the engine.
"""

from __future__ import annotations

import gc
import inspect
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, NamedTuple
from unittest import SkipTest

import psutil
from hushd_models import languages
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Job, Message, Partial
from hushd_protocol.names import is_name
from hushd_protocol.system.footprint import cores
from hushd_schema import engines
from msgspec.structs import replace

from . import confinement, errors, job
from .engine import BaseEngine
from .engine_registry import EngineRegistry, choose_model
from .worker import BaseWorker

_ENDLESS_CREDIT = 10**9
_HEAVY = ("numpy", "onnxruntime", "soundfile", "tensorflow", "torch", "transformers")
_THREADS_TIMEOUT_S = 5.0  # the system counts a thread for a while after Python has waited for its end
_CANCEL_S = 2.0  # the supervisor ends a worker that goes on with a cancelled job for so long


class Answer(NamedTuple):
    """The messages that a client gets of a job; `result` is empty if it has cancelled."""

    result: JsonObject
    partials: list[JsonObject]
    chunks: list[Chunk]


class Trial(ABC):
    """The engine `name` with one model, which is loaded when a case first needs it."""

    registry: ClassVar[EngineRegistry[Any, Any]]
    make_worker: Callable[[str, str], BaseWorker]
    operation: ClassVar[str]

    def __init__(self, name: str, model: str = "default") -> None:
        self.left_at = 0.0  # seconds of the processor that this process had used when a client left
        self.name, self.kind = name, self.registry.find(name)
        self.described = self.registry.describe_engine(self.kind)
        known = [each.name for each in self.described.models]
        self.model = choose_model(name, model, self.described.default_model, known)

    @abstractmethod
    def work(self, *, long: bool = False, leave_s: float | None = None) -> Answer:
        """Does a usual job, or one that takes some seconds; `leave_s` is as in `ask`."""

    @abstractmethod
    def gist(self) -> object:
        """Does a usual job, and returns the part of its answer that is the same each time."""

    @cached_property
    def worker(self) -> Any:
        worker = type(self).make_worker(self.name, self.model)
        worker.load(lambda note: None)
        return worker

    @property
    def engine(self) -> BaseEngine:
        engine: BaseEngine = self.worker.engine
        return engine

    def ask(self, operation: str, data: bytes, leave_s: float | None = None, **params: object) -> Answer:
        """Does one job as the worker does, for a client that cancels it after `leave_s` seconds, if given. Raises the
        HushdError that the client would get, or what an engine must not raise."""
        answer = Answer({}, [], [])

        def keep(message: Message) -> None:
            if isinstance(message, Chunk):
                answer.chunks.append(message)
            elif isinstance(message, Partial):
                answer.partials.append(message.data)

        def cancel() -> None:
            self.left_at = time.process_time()
            asked.cancel()

        worker, sent = self.worker, Job(id=bytes(16), op=operation, params=params, credit=_ENDLESS_CREDIT)
        asked = job.Job(replace(sent, input="inline", payload=data), keep)
        self.left_at, client = time.process_time(), threading.Timer(leave_s or 0, cancel)
        if leave_s is not None:
            client.start()
        try:
            answer.result.update(worker.run(asked))
        except job.Cancelled:
            pass
        except Exception as error:
            if errors.out_of_memory(error) or errors.fatal(error):  # the client gets a sentence, or the process ends
                raise errors.answer(b"", error).exception() from error
            raise
        finally:
            client.cancel()
            self.engine.__dict__.pop("check", None)  # the attribute is that of a job which may be cancelled
        return answer


@contextmanager
def refused(*codes: str) -> Iterator[None]:
    """Accepts an error of hushd's whose message is a sentence, of one of these codes if there are any."""
    try:
        yield
        return
    except HushdError as error:
        code, text = error.code, error.message
    good = "\n" not in text and "Traceback" not in text and text.endswith((".", "?", "!")) and len(text) <= 2000
    assert good, f"the error is not a sentence: {text[:300]!r}"
    assert not codes or code in codes, f"the code is {code}, not {' or '.join(codes)}: {text}"


def its_description_is_light_and_valid(trial: Trial) -> None:
    """Describing it imports no large library; names are valid and unique, languages are tags, and it has a spec."""
    described, role = trial.described, trial.registry.role
    program = (
        f"import sys; from hushd_worker_{role}.registry import REGISTRY as known\n"
        f"known.describe_engine(known.find({trial.name!r})); print(*{{*{_HEAVY!r}}} & {{*sys.modules}})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", ""), f"these belong in `load`: {done.stdout}{done.stderr}"
    names = [model.name for model in described.models]
    assert len({*names}) == len(names), "two models have the same name"
    assert not (odd := [name for name in (described.name, *names) if not is_name(name)]), f"invalid names: {odd}"
    tags = {tag for model in described.models for tag in model.languages} - {"*"}
    assert not (odd := [tag for tag in tags if not languages.is_tag(tag)]), f"these are not tags of languages: {odd}"
    spec = engines.find(trial.name, role)
    assert spec, f"it has no spec (entry point group {engines.GROUP}) {engines.problems().get(trial.name, '')}"
    assert described.name == trial.name, f"it is called {described.name!r}, but {trial.name!r} by its spec"
    assert described.install, "it does not say how to install it"
    assert trial.model in described.installed_models(), f"{trial.model} is described as missing"


def a_missing_model_is_refused(trial: Trial) -> None:
    """A model that is not there is refused as `model_missing`, in a sentence."""
    for model in ("no-such-model", "../../etc/passwd", "a/b", "", "x" * 300, "a\nb", "--help"):
        with refused("model_missing"):
            type(trial).make_worker(trial.name, model).load(lambda note: None)
            raise AssertionError(f"it loads a model called {model!r:.40}")


def what_it_declares_is_of_its_kind(trial: Trial) -> None:
    """Attributes that the load sets have the types of the contract's defaults."""
    contract = trial.registry.contract
    for name, default in inspect.getmembers_static(contract, lambda each: isinstance(each, bool | int | float | str)):
        value, kinds = getattr(trial.engine, name), (int, float) if type(default) is float else (type(default),)
        assert name.startswith("_") or type(value) in kinds, f"its {name} is {value!r:.100}, unlike {default!r}"


def jobs_in_a_row_have_the_same_result(trial: Trial) -> None:
    """A second job, and one after a refused job, have the result of the first."""
    first, second = trial.gist(), trial.gist()
    assert second == first, f"the second differs: {first!r:.300} and {second!r:.300}"
    for operation in ("dance", trial.operation):
        with refused():
            trial.ask(operation, b"", language=3, rate="x")
            raise AssertionError(f"{operation} with a wrong language is not refused")
    assert (after := trial.gist()) == first, f"the one after an error differs: {first!r:.300} and {after!r:.300}"


def it_works_confined(trial: Trial) -> None:
    """A process with nothing but the engine's share of files, and no network, loads it and does its jobs."""
    role, name = trial.registry.role, trial.name
    if (missing := confinement.missing_parts()) or confinement.of_engine(role, name) is None:
        raise SkipTest(missing or "its spec does not have it confined")
    program = (
        "from dataclasses import replace; from hushd_worker import confinement, conformance\n"
        f"from hushd_worker_{role}.conformance import Trial; share = confinement.of_engine({role!r}, {name!r})\n"
        "confined = confinement.Confinement(replace(share, before=None))\n"
        "confined.close_files(); confined.close_calls()\n"
        f"conformance.jobs_in_a_row_have_the_same_result(Trial({name!r}, {trial.model!r}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, f"it does not work confined: {done.stderr[-1000:]}"


def jobs_leave_nothing(trial: Trial) -> None:
    """Jobs leave no open files, threads and processes behind."""

    def kept(jobs: int) -> tuple[int, int, int]:
        for _ in range(jobs):
            trial.work()
        gc.collect()
        process = psutil.Process()
        return process.num_fds(), process.num_threads(), len(process.children(recursive=True))

    before, after = kept(2), kept(6)
    deadline = time.monotonic() + _THREADS_TIMEOUT_S
    while any(now > then for then, now in zip(before, after, strict=True)) and time.monotonic() < deadline:
        time.sleep(0.02)
        after = kept(0)
    assert all(now <= then for then, now in zip(before, after, strict=True)), (
        f"of open files, threads and processes there were {before}, but after six jobs {after}"
    )


def a_cancelled_job_ends_and_changes_no_later_one(trial: Trial) -> None:
    """Wherever the client leaves, the job takes less of the processor than the supervisor waits for, and the next job
    has the usual result."""
    before, begun = trial.gist(), time.monotonic()
    trial.work(long=True)
    whole_s = time.monotonic() - begun
    for part in (0.0, 0.1, 0.5):
        trial.work(long=True, leave_s=part * whole_s)
        used_s = time.process_time() - trial.left_at
        assert used_s <= _CANCEL_S * cores(), f"it takes {used_s:.1f} s of the processor after its client has left"
        assert (after := trial.gist()) == before, f"the next job differs: {before!r:.300} and {after!r:.300}"


_CASES = (
    its_description_is_light_and_valid, a_missing_model_is_refused, what_it_declares_is_of_its_kind,
    it_works_confined, jobs_in_a_row_have_the_same_result, jobs_leave_nothing,
    a_cancelled_job_ends_and_changes_no_later_one,
)  # fmt: skip
CASES: Mapping[str, Callable[[Any], None]] = {case.__name__: case for case in _CASES}
