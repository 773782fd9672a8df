"""The question, once for each user, whether to get a better model than the one that comes with hushd.

Only a person is asked, whose terminal is standard input, output and error. The answer is one key. Yes downloads the
model and writes it into the configuration, so that it is used from then on, by programs too.
"""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.terminal import console

if TYPE_CHECKING:
    from hushd.client import Client
    from hushd_models.catalogue import Known

_LANGUAGE = "en"  # of the model that comes with hushd


def offer(client: Client, options: Namespace) -> None:
    """Asks whoever left engine and model to hushd; where the answer is yes, this command uses the better one."""
    named = options.engine or options.model or options.task == "translate"
    other = options.language and options.language.partition("-")[0].lower() not in (_LANGUAGE, "english")
    asked = paths.find().state / "offered"
    if named or other or os.environ.get("HUSHD_ENDPOINT") or not _is_person() or asked.exists():
        return
    known = _better()
    if known is None:
        return
    yes = _answer(known)
    try:
        if yes:
            _get(client, known)
            options.engine, _, options.model = known.model.partition("/")
        asked.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        asked.write_text(f"{known.model} {'yes' if yes else 'no'}\n")
    except HushdError as error:  # it may be asked again
        console.complain(f"{error} It goes on with the model that comes with hushd.")
    except OSError as error:
        console.complain(f"{asked} cannot be written ({error.strerror}): the question comes again.")


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
    if load(place.config).stt != DEFAULTS.stt:
        return None
    store = Store(place)
    able = [
        row
        for row in rows(store, user_models.configured(place.config))
        if row.role == "stt" and row.known and advice.engine_installed(row.known.engine)
    ]
    best = best_for(able, here(store.folder), _LANGUAGE, "stt")
    return None if best is None or best.usable else best.known


def _answer(known: Known) -> bool:
    """Returns whether the key that is pressed means yes."""
    from hushd_schema.settings import DEFAULTS

    cost = f"{known.size_mb} MB, {known.licence}"
    console.complain(f"{known.model} makes fewer mistakes in English than {DEFAULTS.stt}, which comes with hushd.")
    if console.ask(f"Get it now ({cost}), and use it from now on? [y/N]").lower() == "y":
        return True
    console.complain(f"Later: `hushd models pull {known.model}` and `hushd config set stt {known.model}`.")
    return False


def _get(client: Client, known: Known) -> None:
    """Downloads the model, and writes it into the configuration.

    Raises:
        HushdError: it cannot be downloaded, or the configuration not be written.
    """
    from hushd_schema.settings import editing

    from hushd_cli.commands.config import file
    from hushd_cli.terminal.download import DownloadLine

    line = DownloadLine()
    try:
        client.pull(known.model, on_progress=lambda *step: line(known.model if step[2] else step[0], *step[1:]))
    finally:
        line.clear()
    place = paths.find().config
    file.change(place, lambda text: editing.with_key(text, ["stt"], known.model))
    file.have_it_read()
    console.complain(f'It is used from now on: {place} says stt = "{known.model}".')
