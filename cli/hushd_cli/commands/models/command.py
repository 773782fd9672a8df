"""`hushd models`: which models there are, what they cost, where they are; taking them away.

Nothing here needs a supervisor or a network; what does is in `pull`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import cached_property, partial

from hushd.reports.display import Column, laid_out
from hushd_models import advice, catalogue, user_models
from hushd_models.catalogue import Known
from hushd_models.inventory import Row, row, rows
from hushd_models.recommendation import best_for, here
from hushd_models.store import Store
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import nearest
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console
from hushd_cli.terminal.download import DownloadLine

from . import pull, recommend

_DESCRIPTION = "The models of all engines."
_LANGUAGES_SHOWN = 3


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    if options.command is None:
        options = make_parser(prog).parse_args(["list", *argv])
    if options.command == "pull":
        index = _ModelIndex()
        return pull.pull(index.row, index.as_json, options)
    if options.command == "recommend":
        index = _ModelIndex()
        return recommend.show(index.rows(), index.paths.models, options)
    if options.command == "import":
        return pull.bring(options)
    if options.command == "quantize":
        return pull.quantize(options)
    run = {"list": _list, "show": _show, "path": _path, "rm": _remove, "prune": _prune, "verify": _verify}
    return run[options.command](_ModelIndex(), options)


def make_parser(prog: str) -> Parser:
    """The parser of the command."""
    parser = Parser(prog, _DESCRIPTION)
    commands = parser.add_commands()
    listed = commands.add("list", "list models: those that are here first, then those that could be")
    listed.add_argument(
        "what", nargs="*", metavar="WHAT", help="only those of a role (stt, tts), an engine, a language"
    )
    listed.add_argument("--here", action="store_true", help="only what is on this machine")
    shown = commands.add("show", "show all that is known of a model")
    shown.add_argument("name", metavar="NAME")
    path = commands.add("path", "print the path of a model")
    path.add_argument("name", metavar="NAME")
    recommend.add_arguments(commands)
    pull.add_arguments(commands)
    removed = commands.add("rm", "remove models from this machine, also from Hugging Face's cache")
    removed.add_argument("names", nargs="+", metavar="NAME")
    pruned = commands.add("prune", "remove what interrupted downloads left, and revisions before an update")
    pruned.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    verified = commands.add("verify", "compare files with the SHA-256 they had when they came")
    verified.add_argument("names", nargs="*", metavar="NAME", help="default: all that are here")
    for command in (listed, shown, verified):
        command.add_argument("--json", action="store_true", help="for programs")
    return parser


class _ModelIndex:
    """The models on this machine, and those of its configuration."""

    def __init__(self) -> None:
        self.paths = paths.find()
        self.store = Store(self.paths)
        self.added: Mapping[str, Known] = user_models.configured(self.paths.config)
        self.recommended: Sequence[str] = catalogue.recommended()

    def lacks_engine(self, one: Row) -> bool:
        """Returns whether the engine of a model is installed neither here nor where the configuration starts it."""
        if one.engine not in catalogue.engines() or advice.engine_installed(one.engine):
            return False
        return one.engine not in self.elsewhere

    def as_json(self, one: Row) -> JsonObject:
        """A row for programs, with the recommendation, and the command that installs a missing engine."""
        engine = one.engine
        return one.as_json() | {
            "recommended": one.model in self.recommended,
            "install": advice.engine_command(engine) if self.lacks_engine(one) else "",
        }

    @cached_property
    def elsewhere(self) -> frozenset[str]:
        return user_models.engines_elsewhere(self.paths.config)

    def recommend_for(self, words: Sequence[str]) -> None:
        """Recommends the best of each role for the languages among `words`, as `hushd models recommend` does."""
        every = self.rows()
        spoken = [word for word in words if not any(word in (one.role, one.engine) for one in every)]
        if spoken:
            machine = here(self.store.folder)
            best = [best_for(every, machine, word, role) for word in spoken for role in ("stt", "tts")]
            self.recommended = [one.model for one in best if one]

    def rows(self) -> list[Row]:
        return rows(self.store, self.added)

    def row(self, name: str) -> Row:
        return row(self.store, name, self.added)


# --- what there is ---------------------------------------------------------------------------------------------------


def _columns(index: _ModelIndex) -> tuple[Column[Row], ...]:
    return (
        Column("MODEL", lambda one: str(one.model), left=True),
        Column("STATE", lambda one: _listed_state(index, one), left=True),
        Column("SIZE", lambda one: _size(one)),
        Column("MEMORY", lambda one: _megabytes(one.memory_mb)),
        Column("SPEED", lambda one: one.known.speed if one.known else "-", left=True),
        Column("LANGUAGES", lambda one: _languages(one), left=True),
        Column("LICENCE", lambda one: one.licence or "-", left=True),
    )


def _list(index: _ModelIndex, options: argparse.Namespace) -> int:
    every = index.rows()
    for word in options.what:
        if not any(_is_of(one, word) for one in every):
            raise HushdError("bad_request", f"There is no model of {word!r}: {_meant(word, every)}")
    index.recommend_for(options.what)
    kinds = _by_kind(options.what, every)
    found = [one for one in every if all(any(_is_of(one, word) for word in kind) for kind in kinds)]
    found.sort(key=partial(_rank, index.recommended))
    if options.here:
        found = [one for one in found if one.state != "absent"]
    if options.json:
        console.write_json([index.as_json(one) for one in found])
    elif found:
        console.write("\n".join([*laid_out(_columns(index), found, console.width()), ""]))
        if any(one.state == "absent" for one in found):
            console.note("`hushd models pull NAME` gets those that are not here.")
        if lacking := sorted({one.engine for one in found if index.lacks_engine(one)}):
            console.note(f"Not installed: {', '.join(lacking)}; `hushd models show NAME` has the command for it.")
    else:
        console.note("There are none.")
    return 0


def _rank(recommended: Sequence[str], one: Row) -> int:
    """Sorts models that are here first, then recommended ones in their order, then the rest."""
    if one.state != "absent":
        return 0
    return 1 + (recommended.index(one.model) if one.model in recommended else len(recommended))


def _by_kind(words: Sequence[str], every: Sequence[Row]) -> list[list[str]]:
    """Roles, engines and languages apart: of one kind any will do, and of each kind there must be one."""
    roles, engines = {one.role for one in every}, {one.engine for one in every}
    kinds: dict[str, list[str]] = {}
    for word in words:
        kinds.setdefault("role" if word in roles else "engine" if word in engines else "language", []).append(word)
    return list(kinds.values())


def _is_of(one: Row, word: str) -> bool:
    engine = one.engine
    return word in (one.role, engine) or any(tag == word or tag.startswith(f"{word}-") for tag in one.languages)


def _meant(word: str, every: Sequence[Row]) -> str:
    close = nearest(word, {one.engine for one in every} | {"stt", "tts"})
    return f"did you mean {close!r}?" if close else "name an engine, stt, tts or a language."


def _show(index: _ModelIndex, options: argparse.Namespace) -> int:
    one = index.row(options.name)
    known, manifest = one.known, one.manifest
    facts = index.as_json(one)
    if manifest:
        facts |= {
            "source": manifest.source.place,
            "revision": manifest.source.revision,
            "format": manifest.format,
            "converter": manifest.converter,
            "files": {name: {"size": file.size, "sha256": file.sha256} for name, file in manifest.files.items()},
        }
    else:
        sizes = {name: path.stat().st_size for name, path in zip(one.files, one.paths, strict=True)}
        facts |= {
            "source": (known.repository or known.url or advice.command(known)) if known else "",
            "revision": "",
            "format": "",
            "converter": "",
            "files": {name: {"size": size, "sha256": ""} for name, size in sizes.items()},
        }
    if options.json:
        console.write_json(facts)
        return 0
    lines = [one.model, f"  state      {_state(one)}{_brought(one)}"]
    for title, value in (
        ("problem", one.problem),
        ("path", facts["path"]),
        ("size", _size(one)),
        ("memory", f"{_megabytes(facts['memory_mb'])} of a worker, about" if facts["memory_mb"] else ""),
        ("speed", facts["speed"]),
        ("languages", " ".join(facts["languages"])),
        ("licence", one.licence),
        ("also", " ".join(facts["aliases"])),
        ("source", " ".join(filter(None, (facts.get("source"), facts.get("revision"))))),
        ("format", " by ".join(filter(None, (facts.get("format"), facts.get("converter"))))),
        ("to get it", _how(one)),
        ("engine", f"not installed: {facts['install']}" if facts["install"] else ""),
    ):
        if value and value != "-":
            lines.append(f"  {title:<10} {value}")
    console.write("\n".join([*lines, ""]))
    return 0


def _path(index: _ModelIndex, options: argparse.Namespace) -> int:
    one = index.row(options.name)
    if not one.path:
        raise HushdError("model_missing", f"{one.model} is not on this machine: {_how(one) or 'it has no files'}.")
    console.write(f"{one.path}\n")
    return 0


def _listed_state(index: _ModelIndex, one: Row) -> str:
    if one.usable and index.lacks_engine(one):
        return "no engine"
    return "recommended" if one.state == "absent" and one.model in index.recommended else _state(one)


def _state(one: Row) -> str:
    return "not here" if one.state == "absent" else one.state


def _brought(one: Row) -> str:
    by = {
        "hub": "in Hugging Face's cache, not by hushd",
        "package": "by its engine's package",
        "user": "put there by hand",
        "hushd": "by hushd",
        "system": "by the system",
    }
    return f", {by[one.origin]}" if one.usable else ""


def _how(one: Row) -> str:
    """The command that gets a model that is not here, or not whole; empty for others."""
    if one.usable or not one.known:
        return ""
    cost = f" ({one.known.cost})" if one.known.cost and not one.known.package else ""
    return advice.command(one.known) + cost


def _size(one: Row) -> str:
    if one.size:
        return _megabytes(one.size / 1e6)
    return f"~ {_megabytes(one.known.size_mb)}" if one.known and one.known.size_mb else "-"


def _megabytes(value: float) -> str:
    if not value:
        return "-"
    return f"{value / 1000:.1f} GB" if value >= 1000 else f"{value:.0f} MB" if value >= 1 else f"{value:.1f} MB"


def _languages(one: Row) -> str:
    tags = one.languages
    return " ".join(tags) or "-" if len(tags) <= _LANGUAGES_SHOWN else f"{len(tags)} languages"


# --- taking away -----------------------------------------------------------------------------------------------------


def _remove(index: _ModelIndex, options: argparse.Namespace) -> int:
    from hushd_models.removal import remove

    found = [index.row(name) for name in options.names]  # all names are right before anything is removed
    for one in found:
        removed = remove(index.store, one)
        kept = (
            f"; {removed.kept} of its files stay: other models need them, or they are in a place of yours"
            if removed.kept
            else ""
        )
        console.write(f"{removed.what}: {_megabytes(removed.size / 1e6).replace('-', 'nothing')} freed{kept}\n")
    _note_running({f"{one.role}/{one.model}" for one in found})
    return 0


def _note_running(names: set[str]) -> None:
    """Says which workers still have a removed model in memory."""
    from hushd.client import Client

    try:
        with Client(holder="cli", start=False) as client:
            workers = {worker.name.partition("#")[0] for worker in client.status().workers}
    except HushdError:
        return  # none runs
    for name in sorted(names & workers):
        console.note(f"{name} runs, and keeps it in memory until it ends: `hushd unload {name}` ends it.")


def _prune(index: _ModelIndex, options: argparse.Namespace) -> int:
    from hushd_models.removal import prune

    for removed in prune(index.store, index.rows(), dry_run=options.dry_run):
        console.write(f"{removed.what}: {_megabytes(removed.size / 1e6).replace('-', 'nothing')}\n")
    return 0


# --- verifying -------------------------------------------------------------------------------------------------------


def _verify(index: _ModelIndex, options: argparse.Namespace) -> int:
    from hushd_models import verification

    every = [index.row(name) for name in options.names] or [
        one for one in index.rows() if one.files or one.problem or one.state == "half"
    ]
    answers, status, line = [], 0, DownloadLine()
    for one in every:
        if one.state == "absent":
            raise HushdError("model_missing", f"{one.model} is not on this machine: {_how(one)}.")
        problems, show = [one.problem] if one.problem else [], partial(line, one.model, total=one.size)
        hashes = verification.known_hashes(one)
        if one.manifest:
            problems = verification.verify(index.store, one.manifest, show)
        elif one.folder and hashes:
            problems = verification.compare(one.folder, hashes, show)
        checked = bool(one.manifest or hashes)
        state = "damaged" if problems else one.state if one.state == "half" else "right" if checked else "unknown"
        answers.append({"name": one.model, "state": state, "problems": problems})
        line.clear()
        if problems:
            status = HushdError("model_missing", "").exit_code
        if not options.json:
            why = f": {'; '.join(problems)}" if problems else _unchecked(one) if state == "unknown" else ""
            how = f" ({verification.remedy(one.manifest)})" if problems and one.manifest else ""
            console.write(f"{one.model}: {state}{why}{how}\n")
    if options.json:
        console.write_json(answers)
    return status


def _unchecked(one: Row) -> str:
    return f", as nobody has said what it should be ({_brought(one).lstrip(', ')})"
