"""How a user gets what is missing here: an engine, a model, or a model for a language, each with the command for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec

from hushd_protocol.errors import HushdError
from hushd_protocol.system.installation import document, extra_command

from . import catalogue
from .catalogue import Known


@cache
def engine_installed(engine: str) -> bool:
    """Whether this environment has the packages that an engine of the catalogue needs."""
    return all(find_spec(package) for package in catalogue.engines()[engine].packages)


def engine_command(engine: str) -> str:
    """The command that installs an engine of the catalogue into this environment, or what to do instead."""
    about = catalogue.engines()[engine]
    if not about.extra:
        return f"make it an environment of its own, as {document('VOICES.md')} says"
    return about.outside + extra_command(about.extra)


def command(known: Known) -> str:
    """The command that brings a model: `hushd models pull`, or for one that comes with its engine, that engine's."""
    return engine_command(known.engine) if known.package else f"`hushd models pull {known.model}`"


def missing(model: str, added: Mapping[str, Known] | None = None) -> HushdError:
    """That a model is not on this machine, and how to get it."""
    known = catalogue.find(model, added)
    if known is None:
        how = f"`hushd models import FILE --name {model}` puts a file or folder of yours there"
    elif known.package:
        how = engine_command(known.engine)
    else:
        how = f"`hushd models pull {model}` gets it{f' ({known.cost})' if known.cost else ''}"
    return HushdError("model_missing", f"The model {model} is not on this machine: {how}.")
