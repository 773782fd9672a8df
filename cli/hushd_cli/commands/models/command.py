"""`hushd models`: lists, shows and deletes models.

None of these needs a supervisor or a network; the commands that do are in `pull`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial

from hushd.client import Client
from hushd.reports.display import Column, laid_out
from hushd_models import advice, languages, word_errors
from hushd_models.installation import engine_needed
from hushd_models.inventory import Row
from hushd_models.removal import remove
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES
from hushd_protocol.suggest import listed, nearest

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

from . import pull, recommend
from .recommend import ModelIndex

_DESCRIPTION = "List, download and delete the models of all engines."
_LANGUAGES_SHOWN = 3


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    run = {
        "list": _list, "show": _show, "rm": _remove,
        "recommend": recommend.show, "pull": pull.pull,
    }  # fmt: skip
    return run[options.command](ModelIndex(), options)


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, _DESCRIPTION)
    commands = parser.add_commands()
    listed = commands.add("list", "list models: installed ones first, then available ones")
    listed.add_argument(
        "what", nargs="*", metavar="WHAT", help="only models of a role (stt, tts), an engine or a language"
    )
    listed.add_argument("--here", action="store_true", help="only installed models")
    shown = commands.add("show", "show all facts about a model")
    shown.add_argument("name", metavar="NAME")
    recommend.add_arguments(commands)
    pull.add_arguments(commands)
    removed = commands.add("rm", "delete models, also from Hugging Face's cache")
    removed.add_argument("names", nargs="+", metavar="NAME")
    for command in (listed, shown):
        command.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


# --- what there is ---------------------------------------------------------------------------------------------------


def _columns(index: ModelIndex) -> tuple[Column[Row], ...]:
    return (
        Column("MODEL", lambda model: str(model.model), left=True),
        Column("ROLE", lambda model: model.role, left=True),
        Column("STATE", lambda model: _listed_state(index, model), left=True),
        Column("SIZE", lambda model: _size(model)),
        Column("MEMORY", lambda model: _megabytes(model.memory_mb)),
        Column("SPEED", lambda model: model.known.speed if model.known else "-", left=True),
        Column("WRONG", lambda model: _wrong(index, model)),
        Column("LANGUAGES", lambda model: _languages(model), left=True),
        Column("LICENCE", lambda model: model.licence or "-", left=True),
    )


def _list(index: ModelIndex, options: argparse.Namespace) -> int:
    every = index.rows()
    options.what = [languages.named(word) or word for word in options.what]
    for word in options.what:
        if not any(_is_of(model, word) for model in every):
            unknown = f"There is no model of {word!r}: {_meant(word, every)}"
            raise HushdError("bad_request", engine_needed(word) or unknown)
    index.recommend_for(options.what)
    kinds = _by_kind(options.what, every)
    chosen = [model for model in every if all(any(_is_of(model, word) for word in kind) for kind in kinds)]
    chosen.sort(key=partial(_rank, index))
    if options.here:
        chosen = [model for model in chosen if model.state != "absent"]
    if options.json:
        console.write_json([index.as_json(model) for model in chosen])
    elif chosen:
        console.write("\n".join([*laid_out(_columns(index), chosen, console.width()), ""]))
        if any(model.state == "absent" for model in chosen):
            console.note("`hushd models pull NAME` downloads a model that is not here.")
        if lacking := sorted({model.engine for model in chosen if index.lacks_engine(model)}):
            console.note(f"Not installed: {', '.join(lacking)}; `hushd models show NAME` has the command for it.")
    else:
        console.note("No model matches.")
    return 0


def _rank(index: ModelIndex, model: Row) -> tuple[int, int, tuple[float, float]]:
    """Sorts models that are here first, then recommended ones in their order, then the rest; within that speech to text
    by its published figures."""
    if model.state == "absent" and model.model in index.recommended:
        return 1, index.recommended.index(model.model), (0.0, 0.0)
    roles = [*ENGINE_ROLES, model.role]
    published = model.known.word_errors if model.known else ""
    return 2 * (model.state == "absent"), roles.index(model.role), word_errors.place(published, index.language)


def _by_kind(words: Sequence[str], every: Sequence[Row]) -> list[list[str]]:
    """Sorts words into roles, engines and languages: a model must match one word of each kind."""
    roles, engines = {model.role for model in every}, {model.engine for model in every}
    kinds: dict[str, list[str]] = {}
    for word in words:
        kinds.setdefault("role" if word in roles else "engine" if word in engines else "language", []).append(word)
    return list(kinds.values())


def _is_of(model: Row, word: str) -> bool:
    engine = model.engine
    return word in (model.role, engine) or any(tag == word or tag.startswith(f"{word}-") for tag in model.languages)


def _meant(word: str, every: Sequence[Row]) -> str:
    roles = dict.fromkeys(model.role for model in every)
    close = nearest(word, {*roles, *(model.engine for model in every)})
    return f"did you mean {close!r}?" if close else f"name {listed(['an engine', *roles, 'a language'])}."


def _show(index: ModelIndex, options: argparse.Namespace) -> int:
    model = index.row(options.name)
    entry, manifest = model.known, model.manifest
    facts = index.as_json(model)
    if manifest:
        facts |= {
            "source": manifest.source.place,
            "revision": manifest.source.revision,
            "format": manifest.format,
            "files": {name: {"size": file.size, "sha256": file.sha256} for name, file in manifest.files.items()},
        }
    else:
        sizes = {name: path.stat().st_size for name, path in zip(model.files, model.paths, strict=True)}
        facts |= {
            "source": (entry.repository or entry.url or advice.command(entry)) if entry else "",
            "revision": "",
            "format": "",
            "files": {name: {"size": size, "sha256": ""} for name, size in sizes.items()},
        }
    if options.json:
        console.write_json(facts)
        return 0
    lines = [model.model, f"  state      {_state(model)}{_brought(model)}"]
    for title, value in (
        ("role", model.role),
        ("problem", model.problem),
        ("path", facts["path"]),
        ("size", _size(model)),
        ("memory", f"{_megabytes(facts['memory_mb'])} of a worker, about" if facts["memory_mb"] else ""),
        ("speed", facts["speed"]),
        ("wrong", _all_wrong(facts)),
        ("languages", " ".join(facts["languages"])),
        ("licence", model.licence),
        ("also", " ".join(facts["aliases"])),
        ("source", " ".join(filter(None, (facts.get("source"), facts.get("revision"))))),
        ("format", facts["format"]),
        ("to get it", _how(model)),
        ("engine", f"not installed: {facts['install']}" if facts["install"] else ""),
    ):
        if value and value != "-":
            lines.append(f"  {title:<10} {value}")
    console.write("\n".join([*lines, ""]))
    return 0


def _all_wrong(facts: JsonObject) -> str:
    """Returns the published percentages of wrong words by language, and whose measurements they are."""
    figures = " ".join(f"{language} {percent}" for language, percent in facts["word_errors"].items())
    return f"% of words: {figures} ({facts['word_errors_source']})" if figures else ""


def _listed_state(index: ModelIndex, model: Row) -> str:
    if model.usable and index.lacks_engine(model):
        return "no engine"
    if model.state == "absent" and model.model in index.recommended:
        return "recommended"
    return "too large" if index.too_large(model) else _state(model)


def _state(model: Row) -> str:
    return "not here" if model.state == "absent" else model.state


def _brought(model: Row) -> str:
    by = {
        "hub": "in Hugging Face's cache, not by hushd",
        "package": "by its engine's package",
        "user": "put there by hand",
        "hushd": "by hushd",
        "system": "by the system",
    }
    return f", {by[model.origin]}" if model.usable else ""


def _how(model: Row) -> str:
    """Returns the command that gets a missing or incomplete model; empty for others."""
    if model.usable or not model.known:
        return ""
    cost = f" ({model.known.cost})" if model.known.cost and not model.known.package else ""
    return advice.command(model.known) + cost


def _size(model: Row) -> str:
    if model.size:
        return _megabytes(model.size / 1e6)
    return f"~ {_megabytes(model.known.size_mb)}" if model.known and model.known.size_mb else "-"


def _megabytes(value: float) -> str:
    if not value:
        return "-"
    return f"{value / 1000:.1f} GB" if value >= 1000 else f"{value:.0f} MB" if value >= 1 else f"{value:.1f} MB"


def _wrong(index: ModelIndex, model: Row) -> str:
    """Returns the published percentage of wrong words in the language asked for, else in the session's."""
    percent = word_errors.rate(model.known.word_errors, index.language) if model.known else None
    return "-" if percent is None else f"{percent:.1f} %"


def _languages(model: Row) -> str:
    tags = model.languages
    return " ".join(tags) or "-" if len(tags) <= _LANGUAGES_SHOWN else f"{len(tags)} languages"


# --- taking away -----------------------------------------------------------------------------------------------------


def _remove(index: ModelIndex, options: argparse.Namespace) -> int:
    chosen = [index.row(name) for name in options.names]  # checks all names before it removes any model
    for model in chosen:
        removed = remove(index.store, model.model)
        stay = f"; {removed.spared} of its files stay: other models need them, or they are in a place of yours"
        freed = _megabytes(removed.size / 1e6).replace("-", "nothing")
        console.write(f"{removed.what}: {freed} freed{stay if removed.spared else ''}\n")
    _note_running({f"{model.role}/{model.model}" for model in chosen})
    return 0


def _note_running(names: set[str]) -> None:
    """Prints which workers still have a removed model in memory."""
    try:
        with Client(holder="cli", start=False) as client:
            workers = {worker.name.partition("#")[0] for worker in client.status().workers}
    except HushdError:
        return  # none runs
    for name in sorted(names & workers):
        console.note(f"{name} still holds it in memory: `hushd unload {name}` ends that worker.")
