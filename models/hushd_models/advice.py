"""Advice for a user who lacks an engine, a model, or a model for a language: the command that installs it."""

from __future__ import annotations

from functools import cache

from hushd_protocol.errors import HushdError
from hushd_schema import engines as specs

from . import catalogue, installation
from .catalogue import Known


@cache
def engine_installed(engine: str) -> bool:
    """Returns whether this environment has the packages that an engine needs."""
    spec = specs.find(engine)
    return spec is not None and installation.engine_installed(spec)


def engine_command(engine: str) -> str:
    """Returns the command that installs an engine into this environment, or another instruction."""
    return installation.engine_command(specs.find(engine))


def translator() -> str:
    """Returns a model that translates into English and can time words."""
    return next(
        f"{spec.name}/{model.model}" for spec in specs.every("stt") for model in spec.recommended if model.translates
    )


def command(known: Known) -> str:
    """Returns the command that gets a model: `hushd models pull`, or its engine's if the model is embedded there."""
    return engine_command(known.engine) if known.package else f"`hushd models pull {known.model}`"


def missing(model: str, code: str = "model_missing") -> HushdError:
    """Returns the error for a model that is not on this machine, with the commands that get it, and its engine."""
    known = catalogue.find(model)
    if known is None:
        how = f"{installation.document('MODELS.md')} says where a file or folder of yours goes"
    elif not engine_installed(known.engine):
        how = steps(known, here=False)
    elif known.package:
        how = engine_command(known.engine)
    else:
        how = f"`hushd models pull {model}` gets it{f' ({known.cost})' if known.cost else ''}"
    return HushdError(code, f"The model {model} is not on this machine: {how}.")


def for_translation() -> str:
    """Returns the end of a sentence, from `: `: a model that translates into English, and the commands that get it."""
    name = translator()
    known = catalogue.find(name)
    assert known
    return f": {name} does once you have run {steps(known, here=False)}"


def commands(known: Known, *, here: bool) -> list[str]:
    """Returns the commands, or other instructions, that get a model and its engine; without the model if it is
    `here`."""
    needs_engine = not engine_installed(known.engine) or (known.package and not here)
    engine = [engine_command(known.engine)] if needs_engine else []
    return engine if here or known.package else [*engine, f"hushd models pull {known.model}"]


def steps(known: Known, *, here: bool) -> str:
    """Returns the same in a sentence, and the model's cost."""
    spec = specs.find(known.engine, known.role)
    outside = spec.outside if spec else ""
    cost = f" ({known.cost})" if known.cost and not here else ""
    return " and ".join(_quoted(step, outside) for step in commands(known, here=here)) + cost


def _quoted(step: str, outside: str) -> str:
    """Returns a step as text has it: its command between backquotes, and none around an instruction."""
    if step == installation.engine_command(None):
        return f"{step},"
    return f"{outside if step.startswith(outside) else ''}`{step.removeprefix(outside)}`"
