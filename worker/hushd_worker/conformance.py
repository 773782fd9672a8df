"""Checks that both roles of engines share, for the makers of one: `python -m hushd_worker_stt.conformance NAME`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from hushd_models import languages
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.names import is_name
from hushd_schema import engines

if TYPE_CHECKING:
    from hushd_schema.description import EngineDescription

_HEAVY = ("numpy", "onnxruntime", "soundfile", "tensorflow", "torch", "transformers")
_IMPORT_S = 60.0


def main(problems: Callable[[str, str], list[str]], arguments: Sequence[str]) -> int:
    """Checks the engine that is named, with its default model or the one named after it; prints the faults."""
    if not 1 <= len(arguments) <= 2:
        print("usage: NAME [MODEL]", file=sys.stderr)
        return 2
    found = problems(arguments[0], arguments[1] if len(arguments) > 1 else "default")
    print("\n".join(found) if found else f"{arguments[0]} keeps the contract.")
    return 1 if found else 0


def collected(checks: Mapping[str, Callable[[], Iterator[str]]]) -> list[str]:
    """Yields the findings of the checks in turn; one that raises is the last, since others build upon it."""
    found: list[str] = []
    for what, check in checks.items():
        try:
            found.extend(check())
        except HushdError as error:
            return [*found, f"{what}: {error.message}"]
        except Exception as error:  # whatever an engine does
            return [*found, f"{what} raises {type(error).__name__}: {reason(error)}"]
    return found


def of_description(role: str, name: str, described: EngineDescription) -> Iterator[str]:
    """Yields the faults of an engine's description, and its differences from the engine's spec."""
    described.from_data(described.data(), "it")
    if not is_name(name):
        yield f"{name!r} is no name of an engine: letters, digits, `.`, `_` and `-`, at most 64"
    models = [model.name for model in described.models]
    if len(set(models)) < len(models):
        yield "two models have one name"
    for model in described.models:
        if not is_name(model.name):
            yield f"{model.name!r} is no name of a model: letters, digits, `.`, `_` and `-`, at most 64"
        for tag in model.languages:
            if not languages.is_tag(tag) and tag != "*":
                yield f"the model {model.name} has the language {tag!r}, which is no tag"
    spec = engines.find(name, role)
    if spec is None:
        problem = engines.problems().get(name)
        yield f"it has no spec (entry point group {engines.GROUP}){f': {problem}' if problem else ''}"
    elif not described.install:
        yield "it does not say how it is installed"


def of_import(role: str, name: str) -> Iterator[str]:
    """Yields the heavy imports of the engine's module, or that of its spec: both are imported to describe it."""
    program = (
        f"import sys; from hushd_worker_{role}.registry import REGISTRY; REGISTRY.find({name!r})\n"
        f"print(*(name for name in {_HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=_IMPORT_S)
    if done.returncode:
        yield f"it does not import: {(done.stderr.strip().splitlines() or ['without a reason'])[-1]}"
    elif done.stdout.strip():
        yield f"its module imports {done.stdout.strip().replace(' ', ', ')}: that belongs into load"
