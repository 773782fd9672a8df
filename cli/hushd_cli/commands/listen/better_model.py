"""Names a better model for English than hushd's own, in one line, once for each user.

Only a person at a terminal sees it (on standard input, output and error), after the text, so that it causes no delay.
"""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_protocol.system import best_effort, paths

from hushd_cli.terminal import console

if TYPE_CHECKING:
    from hushd_models.catalogue import Known

_LANGUAGE = "en"  # of the model that comes with hushd


def mention(options: Namespace) -> None:
    """Prints the model and the commands to get it, if the user named neither engine nor model."""
    named = options.engine or options.model or options.task == "translate"
    other = options.language and options.language.partition("-")[0].lower() not in (_LANGUAGE, "english")
    offered_file = paths.find().state / "offered"
    if named or other or os.environ.get("HUSHD_ENDPOINT") or not _is_person() or offered_file.exists():
        return
    better = _better()
    if better is None:
        return
    from hushd_models import word_errors

    figure = word_errors.described(better.word_errors, _LANGUAGE)
    cost = ", ".join(filter(None, (f"{better.size_mb} MB", better.licence, figure)))
    console.complain(
        f"{better.model} ({cost}) makes fewer mistakes in English: `hushd models pull {better.model}`, then `hushd "
        f"config set stt {better.model}`."
    )
    with best_effort.writing(offered_file):  # offered again the next time
        offered_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        offered_file.write_text(f"{better.model}\n")


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
    best = best_for(able, here(store.folder), _LANGUAGE, "stt")
    return None if best is None or best.usable else best.known
