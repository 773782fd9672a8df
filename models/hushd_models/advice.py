"""Advice for a user who lacks an engine, a model or a model for a language: the command that gets it."""

from __future__ import annotations

from collections.abc import Mapping
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
    """The command that installs an engine into this environment, or what to do instead."""
    return installation.engine_command(specs.find(engine))


def translator() -> str:
    """A model that translates into English, and also knows when words are said."""
    return next(
        f"{spec.name}/{model.model}" for spec in specs.every("stt") for model in spec.recommended if model.translates
    )


def command(known: Known) -> str:
    """The command that brings a model: `hushd models pull`, or for one that comes with its engine, that engine's."""
    return engine_command(known.engine) if known.package else f"`hushd models pull {known.model}`"


def missing(model: str, added: Mapping[str, Known] | None = None) -> HushdError:
    """Returns the error for a model that is not on this machine, with the command that gets it."""
    known = catalogue.find(model, added)
    if known is None:
        how = f"`hushd models import FILE --name {model}` puts a file or folder of yours there"
    elif known.package:
        how = engine_command(known.engine)
    else:
        how = f"`hushd models pull {model}` gets it{f' ({known.cost})' if known.cost else ''}"
    return HushdError("model_missing", f"The model {model} is not on this machine: {how}.")


def for_translation() -> str:
    """Names a model that translates into English and the commands that get it; the end of a sentence, from `: `."""
    name = translator()
    known = catalogue.find(name)
    assert known
    return f": {name} does once you have run {steps(known, here=False)}"


def steps(known: Known, *, here: bool) -> str:
    """The commands that bring a model and its engine, and what they cost; without the model where it is `here`."""
    steps = [] if engine_installed(known.engine) else [engine_command(known.engine)]
    if not here:
        steps.append(command(known).strip("`"))
    cost = f" ({known.cost})" if known.cost and not here else ""
    return " and ".join(f"`{step}`" for step in dict.fromkeys(steps)) + cost
