"""Cases of an engine's description, which is read often, even if the engine's own packages are missing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from hushd_models import languages
from hushd_protocol.names import is_name
from hushd_schema import engines

from .case import Case
from .trial import Trial

_HEAVY = ("numpy", "onnxruntime", "soundfile", "tensorflow", "torch", "transformers")
_IMPORT_S = 120.0
_MAX_BYTES = 60_000  # of JSON: the answer to `describe` contains all engines


def cases() -> Iterator[Case[Trial]]:
    """Yields the cases of a description."""
    yield Case("description.light", "The engine is described without anything heavy imported.", _light)
    yield Case("description.whole", "The description is the same after its way through a message.", _whole)
    yield Case("description.same", "The description is the same each time.", _same)
    yield Case("description.short", "The description fits into one answer together with others.", _short)
    yield Case("description.names", "The engine and its models have valid and unique names.", _names)
    yield Case("description.languages", "The languages of models are tags.", _languages)
    yield Case("description.default", "The default model is one of those described.", _default)
    yield Case("description.installed", "The model on trial is described as installed.", _installed)
    yield Case("description.memory", "The estimated memory of each model is a plausible number.", _memory)
    yield Case("description.spec", "The engine has a spec, and an instruction for its installation.", _spec)


def _light(trial: Trial) -> Iterator[str]:
    program = (
        f"import sys; from hushd_worker_{trial.role}.registry import REGISTRY\n"
        f"engine = REGISTRY.find({trial.name!r}); REGISTRY.describe_engine(engine)\n"
        f"print(*(name for name in {_HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=_IMPORT_S)
    if done.returncode:
        yield f"it cannot be imported: {(done.stderr.strip().splitlines() or ['without a reason'])[-1]}"
    elif done.stdout.strip():
        yield f"its module imports {done.stdout.strip().replace(' ', ', ')}: that belongs in load"


def _whole(trial: Trial) -> Iterator[str]:
    described = trial.described()
    if type(described).from_data(json.loads(json.dumps(described.data())), "it") != described:
        yield "the received description differs from the sent one"


def _same(trial: Trial) -> Iterator[str]:
    if trial.described() != trial.described():
        yield "two descriptions differ"


def _short(trial: Trial) -> Iterator[str]:
    size = len(json.dumps(trial.described().data(), ensure_ascii=False).encode())
    if size > _MAX_BYTES:
        yield f"it has {size} bytes"


def _names(trial: Trial) -> Iterator[str]:
    described = trial.described()
    if not is_name(trial.name):
        yield f"{trial.name!r} is not a valid name of an engine: letters, digits, `.`, `_` and `-`, at most 64"
    if described.name != trial.name:
        yield f"its name is {described.name!r}, but that of its spec or entry point {trial.name!r}"
    models = [model.name for model in described.models]
    if len(set(models)) < len(models):
        yield "two models have the same name"
    for name in models:
        if not is_name(name):
            yield f"{name!r} is not a valid name of a model: letters, digits, `.`, `_` and `-`, at most 64"


def _languages(trial: Trial) -> Iterator[str]:
    for model in trial.described().models:
        for tag in model.languages:
            if not languages.is_tag(tag) and tag != "*":
                yield f"the model {model.name} has the language {tag!r}, which is not a tag"


def _default(trial: Trial) -> Iterator[str]:
    described = trial.described()
    if (spec := trial.spec) and spec.keeps_models and described.default_model not in [m.name for m in described.models]:
        yield f"{described.default_model!r} is not among them"


def _installed(trial: Trial) -> Iterator[str]:
    if trial.model not in trial.described().installed_models():
        yield f"{trial.model} is described as missing"


def _memory(trial: Trial) -> Iterator[str]:
    for model in trial.described().models:
        if not 0 <= model.memory_mb <= 1_000_000:
            yield f"the model {model.name} takes {model.memory_mb} MB"


def _spec(trial: Trial) -> Iterator[str]:
    if trial.spec is None:
        problem = engines.problems().get(trial.name)
        yield f"it has no spec (entry point group {engines.GROUP}){f': {problem}' if problem else ''}"
    elif not trial.described().install:
        yield "it does not say how to install it"
