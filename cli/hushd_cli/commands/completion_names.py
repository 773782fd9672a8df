"""The names that a shell completes: models, voices, languages, settings, workers, servers.

What a word is follows from its option, or from the command that it belongs to. All but voices are from files alone, and
no supervisor is started for an answer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES, SPEECH_ROLES
from hushd_protocol.system import paths

Names = Iterable[tuple[str, str]]  # each with what it is
_ROLE_OF = {"say": "tts"}  # role of a command's models; all others' is stt


def known(command: str, words: Sequence[str], current: str) -> Mapping[str, str]:
    """Returns the names that may follow a command and `words`, where the command's parser need not be asked: each
    parser imports what its command needs, and takes longer than the answer. Empty: the parser decides."""
    if current.startswith("-"):
        return {}
    if (flag := _SHORT.get(words[-1], words[-1]) if words else "") in _SPEECH and command in ("say", "listen"):
        return names((command,), (flag,), ())
    return {} if any(word.startswith("-") for word in words) else names((command, *words[:1]), (), words[1:])


def names(path: Sequence[str], flags: Sequence[str], before: Sequence[str]) -> Mapping[str, str]:
    """Returns the names for an option with these `flags`, or for a word of the command `path` that follows the words
    `before`; empty where there are none, and on errors, since completion prints none."""
    kinds: list[Callable[[], Names]] = [find for flag, find in _OPTIONS.items() if flag in flags]
    if "--model" in flags:
        kinds = [lambda: _models_of(_ROLE_OF.get(path[0], "stt"))]
    elif not flags and path[0] == "config" and len(path) > 1:
        kinds = [_keys if not before else lambda: _values(before[0])] if path[1] in _KEYED else []
    elif not flags:
        kinds = [find for words, find in _WORDS.items() if tuple(path[: len(words)]) == words]
    with suppress(HushdError, LookupError, OSError, ValueError):
        return {name: about for find in kinds for name, about in find()}
    return {}


def _installed() -> Iterator[tuple[str, str, str]]:
    """Yields role, name and languages of each model that is here; those of a user's own would be read from its file."""
    from hushd_models.inventory import rows
    from hushd_models.store import Store

    for row in rows(Store(paths.find())):
        if row.state != "absent":
            yield row.role, row.model, " ".join(row.known.languages[:4]) if row.known else ""


def _models_here() -> Names:
    return ((model, languages) for _, model, languages in _installed())


def _models() -> Names:
    """Yields every model, the installed ones first."""
    from hushd_models import catalogue

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
    from hushd_models import listings
    from hushd_schema.description import Descriptions

    described = listings.load_catalogues(paths.find().listed)
    if not described.tts.engines:
        import json
        import subprocess

        command = [sys.executable, "-P", "-m", "hushd_worker_tts", "--describe"]
        printed = subprocess.run(command, capture_output=True, check=False).stdout
        described = Descriptions.from_data({"tts": json.loads(printed)})
    every = described.tts.voices()
    return [(voice.name, f"{voice.language} {voice.engine}") for voice in every if voice.installed]


def _languages() -> Names:
    from hushd_models import catalogue
    from hushd_models import languages as known

    tags = {known.code(tag) for model in catalogue.models().values() for tag in model.languages} - {"*"}
    return [(tag, known.name(tag)) for tag in sorted(tags)]


def _keys() -> Names:
    from hushd_schema.settings import load
    from hushd_schema.settings.reference import rows

    return [(".".join(row["path"]), "") for row in rows(load(paths.find().config))]


def _values(key: str) -> Names:
    """Yields what a setting may be, where that is a name."""
    from hushd_schema.settings.declaration import settings_of, tables_of
    from hushd_schema.settings.tables import Settings, WorkerSettings

    *table, name = key.split(".")
    if key in SPEECH_ROLES:
        return _models_of(key)
    if key in ("voice", "languages"):
        return _voices() if key == "voice" else _languages()
    declared: Any = WorkerSettings if table[:1] == ["worker"] else Settings
    if table and declared is Settings:
        declared = tables_of(Settings)[table[0]].make
    form = settings_of(declared)[name].kind.form
    words = ("true", "false") if form.get("type") == "boolean" else form.get("enum", ())
    return [(str(word), "") for word in words]


def _servers() -> Names:
    from hushd_models import server_files

    return [(name, "") for name in server_files.SERVERS.names()]


def _logs() -> Names:
    return [(os.path.splitext(name)[0], "") for name in sorted(os.listdir(paths.find().logs)) if name.endswith(".log")]


_SPEECH = ("--model", "--voice", "--language")  # options of `say` and `listen`
_SHORT = {"-v": "--voice", "-l": "--language"}
_KEYED = ("set", "unset", "show")
_OPTIONS: Mapping[str, Callable[[], Names]] = {"--voice": _voices, "--language": _languages}
_WORDS: Mapping[tuple[str, ...], Callable[[], Names]] = {
    ("models", "rm"): _models_here,
    ("models", "show"): _models,
    ("models", "pull"): _models,
    ("models", "recommend"): _languages,
    ("get",): _languages,
    ("load",): _workers,
    ("unload",): _workers,
    ("logs",): _logs,
    ("servers", "remove"): _servers,
    ("servers", "try"): _servers,
}
