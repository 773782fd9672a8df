"""Advice for a user who lacks an engine, a model or a model for a language: the command that gets it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from . import catalogue, languages
from .catalogue import SPEEDS, Known
from .installation import document, extra_command

if TYPE_CHECKING:
    from .inventory import Row

TRANSLATOR = "faster-whisper/small"  # also knows when words are said; turbo does not translate


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
    """Returns the error for a model that is not on this machine, with the command that gets it."""
    known = catalogue.find(model, added)
    if known is None:
        how = f"`hushd models import FILE --name {model}` puts a file or folder of yours there"
    elif known.package:
        how = engine_command(known.engine)
    else:
        how = f"`hushd models pull {model}` gets it{f' ({known.cost})' if known.cost else ''}"
    return HushdError("model_missing", f"The model {model} is not on this machine: {how}.")


def for_language(role: str, language: str, engine: str | None = None) -> str:
    """Names a model for a language (a tag or a name) and the commands that get it; the end of a sentence, from `; `.

    One that is here, else one whose engine is, else the first that is recommended. Empty where no model has it.

    Args:
        engine: considers its models only.
    """
    from .inventory import rows  # every worker's engine imports this module, and few are asked for what they lack
    from .store import Store

    code = languages.code(language)
    able = [
        row
        for row in rows(Store(paths.find()))
        if row.role == role and row.known and code in map(languages.code, row.known.languages)
        if engine in (None, row.known.engine)
    ]
    if not able:
        return ""
    best = min(able, key=_preference)
    assert best.known
    does = f"{best.model} {'hears' if role == 'stt' else 'speaks'} it"
    if best.usable and engine_installed(best.known.engine):
        return f"; {does}"
    return f"; {does} once you have run {_steps(best.known, there=best.usable)}"


def for_translation() -> str:
    """Names a model that translates into English and the commands that get it; the end of a sentence, from `: `."""
    known = catalogue.find(TRANSLATOR)
    assert known
    return f": {TRANSLATOR} does once you have run {_steps(known, there=False)}"


def _steps(known: Known, *, there: bool) -> str:
    """The commands that bring a model and its engine, and what they cost; without the model where it is `there`."""
    steps = [] if engine_installed(known.engine) else [engine_command(known.engine)]
    if not there:
        steps.append(command(known).strip("`"))
    cost = f" ({known.cost})" if known.cost and not there else ""
    return " and ".join(f"`{step}`" for step in dict.fromkeys(steps)) + cost


def _preference(row: Row) -> tuple[bool, bool, int, int, int]:
    assert row.known
    ranks = catalogue.recommended()
    rank = ranks.index(row.model) if row.model in ranks else len(ranks)
    # Of what is not recommended the largest of middling speed: the fast ones are the least right.
    return (
        not row.usable,
        not engine_installed(row.known.engine),
        rank,
        abs(SPEEDS.index(row.known.speed) - SPEEDS.index("medium")),
        -row.known.size_mb,
    )
