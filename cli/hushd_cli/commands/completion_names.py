"""The names that a shell completes: models, voices, languages, settings, workers, servers.

What a word is follows from its option, or from the command that it belongs to. All but voices are from files alone, and
no supervisor is started for an answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from hushd_models import catalogue, languages
from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES, SPEECH_ROLES
from hushd_protocol.system import paths

Names = Iterable[tuple[str, str]]  # each with what it is


def names(path: Sequence[str], flags: Sequence[str], before: Sequence[str]) -> Mapping[str, str]:
    """Returns the names for an option with these `flags`, or for a word of the command `path` that follows the words
    `before`; empty where there are none, and on errors, since completion prints none."""
    places = [*(f"{path[0]} {flag}" for flag in flags), *flags] or [" ".join(path)]
    find = next((_NAMES[place] for place in places if place in _NAMES), None)
    with suppress(HushdError, LookupError, OSError, ValueError):
        return dict(find(before)) if find else {}
    return {}


def _installed() -> Iterator[tuple[str, str, str]]:
    """Yields role, name and languages of each model that is here; those of a user's own would be read from its file."""
    from hushd_models import inventory, store  # noqa: PLC0415 - 20 ms, for models alone

    for row in inventory.rows(store.Store(paths.find())):
        if row.state != "absent":
            yield row.role, row.model, " ".join(row.known.languages[:4]) if row.known else ""


def _models_here() -> Names:
    return ((model, languages) for _, model, languages in _installed())


def _models() -> Names:
    """Yields every model, the installed ones first."""
    here = dict(_models_here())
    return [*here.items(), *((name, f"{known.size_mb} MB") for name, known in catalogue.models().items())]


def _models_of(role: str) -> Names:
    return [(name, languages) for kind, name, languages in _installed() if kind == role]


def _workers() -> Names:
    """Yields roles, engines and models, as `hushd load` takes them."""
    every = [(role, name) for role, name, _ in _installed()]
    engines = dict.fromkeys(f"{role}/{name.partition('/')[0]}" for role, name in every)
    return [(name, "") for name in (*ENGINE_ROLES, *engines, *(f"{role}/{name}" for role, name in every))]


def _voices() -> Names:
    """Yields the installed voices: from the list that a gateway and `say -v '?'` leave, else from the engines' program,
    which takes a quarter of a second."""
    from hushd_models import listings  # noqa: PLC0415 - for voices alone
    from hushd_schema.description import Descriptions  # noqa: PLC0415 - likewise

    described = listings.load_catalogues(paths.find().listed)
    if not described.tts.engines:
        command = [sys.executable, "-P", "-m", "hushd_worker_tts", "--describe"]
        printed = subprocess.run(command, capture_output=True, check=False).stdout
        described = Descriptions.from_data({"tts": json.loads(printed)})
    every = described.tts.voices()
    return [(voice.name, f"{voice.language} {voice.engine}") for voice in every if voice.installed]


def _languages() -> Names:
    tags = {languages.code(tag) for model in catalogue.models().values() for tag in model.languages} - {"*"}
    return [(tag, languages.name(tag)) for tag in sorted(tags)]


def _settings(before: Sequence[str], *, values: bool = False) -> Names:
    """Yields the settings; of one that is named `before`, what it may be where `values` are asked."""
    key = before[0] if before else ""
    if key and not values:
        return []
    if key in SPEECH_ROLES:
        return _models_of(key)
    if key in ("voice", "languages"):
        return _voices() if key == "voice" else _languages()
    from hushd_schema.settings import load, reference  # noqa: PLC0415 - for settings alone

    if key:
        return [(str(word), "") for word in reference.words(key.split("."))]
    return [(".".join(row["path"]), "") for row in reference.rows(load(paths.find().config))]


def _servers() -> Names:
    from hushd_models import server_files  # noqa: PLC0415 - for servers alone

    return [(name, "") for name in server_files.SERVERS.names()]


def _logs() -> Names:
    return [(os.path.splitext(name)[0], "") for name in sorted(os.listdir(paths.find().logs)) if name.endswith(".log")]


# What finds the names, by the option (of one command, or of all) or by the command whose word it is. It takes the words
# before the name.
_NAMES: Mapping[str, Callable[[Sequence[str]], Names]] = {
    "--voice": lambda _: _voices(),
    "--language": lambda _: _languages(),
    "say --model": lambda _: _models_of("tts"),
    "--model": lambda _: _models_of("stt"),
    "config set": lambda before: _settings(before, values=True),
    "config unset": _settings,
    "config show": _settings,
    "models rm": lambda _: _models_here(),
    "models show": lambda _: _models(),
    "models pull": lambda _: _models(),
    "models recommend": lambda _: _languages(),
    "get": lambda _: _languages(),
    "load": lambda _: _workers(),
    "unload": lambda _: _workers(),
    "logs": lambda _: _logs(),
    "servers remove": lambda _: _servers(),
    "servers try": lambda _: _servers(),
}
