"""Cases of every engine: its description, its load, one job after another, and what these leave in the process."""

from __future__ import annotations

import gc
import inspect
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
from hushd_models import languages
from hushd_protocol.errors import HushdError
from hushd_protocol.names import is_name
from hushd_protocol.system.footprint import cores
from hushd_schema import engines
from hushd_worker import confinement

from .case import Case, LeftOut
from .trial import Trial, ill_said

_HEAVY = ("numpy", "onnxruntime", "soundfile", "tensorflow", "torch", "transformers")
_NO_MODELS = ("no-such-model", "../../etc/passwd", "a/b", "", "x" * 300, "a\nb", "--help")
_THREADS_TIMEOUT_S = 5.0  # the system counts a thread for a while after Python has waited for its end
_CANCEL_S = 2.0  # after which the supervisor ends a worker that does not stop a cancelled job


def cases() -> Iterator[Case[Trial]]:
    yield Case("description.light", "The engine is described without anything heavy imported.", _light)
    yield Case("description.names", "Names are valid and unique, and languages are tags.", _names)
    yield Case("description.spec", "The engine has a spec, an installation, and the model on trial.", _spec)
    yield Case("load.proper", "The model loads, or is refused in a sentence.", _proper)
    yield Case("load.unknown", "A missing model is refused in a sentence.", _unknown_model)
    yield Case("load.declared", "Attributes that the load sets are of the kinds that the contract declares.", _declared)
    yield Case("load.confined", "A process with nothing but the engine's share loads it, and does its jobs.", _confined)
    yield Case("jobs.same", "Two jobs in a row have the same result.", _same)
    yield Case("jobs.after-error", "A job after a refused one has the same result.", _after_error)
    yield Case("jobs.left", "Jobs leave no open files, threads and processes behind.", _left)
    yield Case("cancel.midway", "A job that is cancelled while the engine works ends in time.", _midway)
    yield Case("cancel.then-same", "A job after a cancelled one has the same result.", _after_cancel)


def _light(trial: Trial) -> Iterator[str]:
    program = (
        f"import sys; from hushd_worker_{trial.role}.registry import REGISTRY\n"
        f"engine = REGISTRY.find({trial.name!r}); REGISTRY.describe_engine(engine)\n"
        f"print(*(name for name in {_HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if done.returncode:
        yield f"it cannot be imported: {(done.stderr.strip().splitlines() or ['without a reason'])[-1]}"
    elif done.stdout.strip():
        yield f"its module imports {done.stdout.strip().replace(' ', ', ')}: that belongs in load"


def _names(trial: Trial) -> Iterator[str]:
    described = trial.described()
    names = [described.name, *(model.name for model in described.models)]
    if len(set(names[1:])) < len(names[1:]):
        yield "two models have the same name"
    yield from (
        f"{name!r} is not a valid name: letters, digits, `.`, `_` and `-`" for name in names if not is_name(name)
    )
    for model in described.models:
        for tag in model.languages:
            if not languages.is_tag(tag) and tag != "*":
                yield f"the model {model.name} has the language {tag!r}, which is not a tag"


def _spec(trial: Trial) -> Iterator[str]:
    described, spec = trial.described(), engines.find(trial.name, trial.role)
    if spec is None:
        yield f"it has no spec (entry point group {engines.GROUP}) {engines.problems().get(trial.name, '')}"
    elif not described.install:
        yield "it does not say how to install it"
    if described.name != trial.name:
        yield f"its name is {described.name!r}, but that of its spec or entry point {trial.name!r}"
    if trial.model not in described.installed_models():
        yield f"{trial.model} is described as missing"


def _proper(trial: Trial) -> Iterator[str]:
    try:
        trial.worker  # noqa: B018  (loads it)
        yield from trial.work().faults("a job", may_refuse=True)
    except HushdError as error:
        yield from ill_said("the load", error)


def _confined(trial: Trial) -> Iterator[str]:
    if missing := confinement.missing_parts():
        raise LeftOut(missing)
    if confinement.of_engine(trial.role, trial.name) is None:
        raise LeftOut("its spec does not have it confined")
    options = [
        "--role",
        trial.role,
        "-k",
        "jobs.same",
        "--confined",
        *(("--sound", str(trial.sound)) * bool(trial.sound)),
    ]
    command = [sys.executable, "-m", "hushd_conformance", trial.name, trial.model, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()
        yield f"it does not work confined: {' '.join(lines[-2:])[-400:]}"


def _unknown_model(trial: Trial) -> Iterator[str]:
    for model in _NO_MODELS:
        try:
            trial.make_worker(model).load(lambda note: None)
        except HushdError as error:
            yield from ill_said(f"the model {model!r:.40}", error)
            if error.code != "model_missing":
                yield f"the model {model!r:.40} has the code {error.code}, not model_missing"
        else:
            yield f"it loads a model called {model!r:.40}"


def _declared(trial: Trial) -> Iterator[str]:
    contract, engine = trial.registry.contract, trial.engine
    for name, default in inspect.getmembers_static(contract, lambda each: isinstance(each, bool | int | float | str)):
        kinds = (int, float) if type(default) is float else (type(default),)
        if not name.startswith("_") and type(value := getattr(engine, name)) not in kinds:
            yield f"its {name} is {value!r:.100}, not of the kind of {default!r}"


def _same(trial: Trial) -> Iterator[str]:
    first, second = trial.work(), trial.work()
    yield from first.faults("the first")
    yield from second.faults("the second")
    if trial.gist(first) != trial.gist(second):
        yield f"they differ: {trial.gist(first)!r:.200} and {trial.gist(second)!r:.200}"


def _after_error(trial: Trial) -> Iterator[str]:
    before = trial.gist(trial.work())
    for refused in (trial.ask("dance", b""), trial.ask(trial.op, b"", {"language": 3, "rate": "x"})):
        if refused.error is None:
            yield "an unknown operation or a wrong parameter is not refused"
        yield from refused.faults("the wrong request", may_refuse=True)
    if (after := trial.gist(trial.work())) != before:
        yield f"they differ: {before!r:.200} and {after!r:.200}"


def _left(trial: Trial) -> Iterator[str]:
    before, after = (_kept(trial, jobs) for jobs in (2, 6))
    deadline = time.monotonic() + _THREADS_TIMEOUT_S
    while any(now > then for then, now in zip(before, after, strict=True)) and time.monotonic() < deadline:
        time.sleep(0.02)
        after = _kept(trial, 0)
    for what, then, now in zip(("open files", "threads", "processes"), before, after, strict=True):
        if now > then:
            yield f"there were {then} {what}, but after six jobs {now}"


def _kept(trial: Trial, jobs: int) -> tuple[int, int, int]:
    """Counts what the process has open after some jobs."""
    for _ in range(jobs):
        trial.work()
    gc.collect()
    process = psutil.Process()
    return process.num_fds(), process.num_threads(), len(process.children(recursive=True))


def _midway(trial: Trial) -> Iterator[str]:
    """Yields a fault if a cancelled job takes more CPU time than the supervisor would wait."""
    begun = time.process_time()
    yield from trial.long_work(lambda number: False).faults("the whole")
    start, ordered = time.process_time(), 0.0
    half = (start - begun) / 2

    def cancel(number: int) -> bool:
        nonlocal ordered
        if not ordered and number and time.process_time() >= start + half:
            ordered = time.process_time()
        return bool(ordered)

    yield from trial.long_work(cancel).faults("the job")
    if (used := time.process_time() - ordered if ordered else 0.0) > _CANCEL_S * cores():
        yield f"it takes {used:.1f} s of CPU time after the client has left"


def _after_cancel(trial: Trial) -> Iterator[str]:
    before = trial.gist(trial.work())
    for message in (0, 1, 4):
        trial.long_work(lambda number, last=message: number >= last)  # type: ignore[misc]
        if (after := trial.gist(trial.work())) != before:
            yield f"they differ after a cancel at message {message}: {before!r:.200} and {after!r:.200}"
