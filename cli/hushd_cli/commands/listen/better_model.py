"""One line, once for each user, about a better model for English than the one that comes with hushd.

Only a person is told, whose terminal is standard input, output and error, and behind the text, so nothing waits for it.
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
    """Names the model and the commands to get it, where the user left engine and model to hushd."""
    named = options.engine or options.model or options.task == "translate"
    other = options.language and options.language.partition("-")[0].lower() not in (_LANGUAGE, "english")
    told = paths.find().state / "offered"
    if named or other or os.environ.get("HUSHD_ENDPOINT") or not _is_person() or told.exists():
        return
    known = _better()
    if known is None:
        return
    console.complain(
        f"{known.model} ({known.size_mb} MB, {known.licence}) makes fewer mistakes in English: `hushd models pull "
        f"{known.model}`, then `hushd config set stt {known.model}`."
    )
    with best_effort.writing(told):  # it is said again the next time
        told.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        told.write_text(f"{known.model}\n")


def _is_person() -> bool:
    """Returns whether somebody reads and types: a program's terminal is another, and so is that of a job behind."""
    try:
        return all(map(os.isatty, (0, 1, console.errors()))) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:  # not the terminal that controls this process
        return False


def _better() -> Known | None:
    """The model that is recommended for this machine, of an engine that is here; None where it is not to be pulled, or
    the user has chosen one."""
    from hushd_models import advice, user_models
    from hushd_models.inventory import rows
    from hushd_models.recommendation import best_for, here
    from hushd_models.store import Store
    from hushd_schema.settings import DEFAULTS, load

    place = paths.find()
    try:
        if load(place.config).stt != DEFAULTS.stt:
            return None
    except HushdError:  # the command has done its work; the next one reports the problem
        return None
    store = Store(place)
    able = [
        row
        for row in rows(store, user_models.configured(place.config))
        if row.role == "stt" and row.known and advice.engine_installed(row.known.engine)
    ]
    best = best_for(able, here(store.folder), _LANGUAGE, "stt")
    return None if best is None or best.usable else best.known
