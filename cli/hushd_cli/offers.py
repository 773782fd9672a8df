"""Offers a person the models of the session's language, or a better one for English, in one line, once for each user.

Only at a terminal (standard input, output and error), after the command's work, so that it causes no delay.
"""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_protocol.system import best_effort, paths

from .terminal import console

if TYPE_CHECKING:
    from hushd_models.catalogue import Known

_ENGLISH = "en"  # the language of the models that come with hushd


def mention_language() -> bool:
    """Prints the line that brings the session's language, where that is not English and hushd was not told yet; returns
    whether it did."""
    from hushd_models import languages

    session = next(iter(languages.of_session()), _ENGLISH)
    if session == _ENGLISH or not _is_offered("language-offered"):
        return False
    try:
        if b"languages" in paths.find().config.read_bytes():
            return False
    except OSError:
        pass  # there is none
    name = languages.name(session)
    offer = f"`hushd get {session}` has hushd speak and hear it. hushd itself knows English."
    console.complain(f"Your session is in {name}: {offer}")
    _remember("language-offered", session)
    return True


def mention_model(options: Namespace) -> None:
    """Prints a better model and the commands to get it, if the user named neither engine nor model."""
    named = options.engine or options.model or options.task == "translate"
    other = options.language and options.language.partition("-")[0].lower() not in (_ENGLISH, "english")
    if named or other or not _is_offered("offered"):
        return
    better = _better()
    if better is None:
        return
    from hushd_models import word_errors

    figure = word_errors.described(better.word_errors, _ENGLISH)
    cost = ", ".join(filter(None, (f"{better.size_mb} MB", better.licence, figure)))
    console.complain(
        f"{better.model} ({cost}) makes fewer mistakes in English: `hushd models pull {better.model}`, then `hushd "
        f"config set stt {better.model}`."
    )
    _remember("offered", better.model)


def _is_offered(name: str) -> bool:
    """Returns whether a person is there who was not offered it yet, on the machine whose hushd answers."""
    return not os.environ.get("HUSHD_ENDPOINT") and _is_person() and not (paths.find().state / name).exists()


def _remember(name: str, offered: str) -> None:
    file = paths.find().state / name
    with best_effort.writing(file):  # else it is offered again the next time
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_text(f"{offered}\n")


def _is_person() -> bool:
    """Returns whether a person uses this terminal: not a program, nor a job in the background."""
    try:
        return all(map(os.isatty, (0, 1, console.errors()))) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:  # not this process's controlling terminal
        return False


def _better() -> Known | None:
    """Returns the recommended model of an installed engine; None if it cannot be pulled, or the user has chosen a
    model."""
    from hushd_models import advice, user_models
    from hushd_models.inventory import rows
    from hushd_models.recommendation import best_for, here
    from hushd_models.store import Store
    from hushd_schema.settings import DEFAULTS, load

    folders = paths.find()
    try:
        if load(folders.config).stt != DEFAULTS.stt:
            return None
    except HushdError:  # the command has done its work; the next command reports the problem
        return None
    store = Store(folders)
    able = [
        row
        for row in rows(store, user_models.configured(folders.config))
        if row.role == "stt" and row.known and advice.engine_installed(row.known.engine)
    ]
    best = best_for(able, here(store.folder), _ENGLISH, "stt")
    return None if best is None or best.usable else best.known
