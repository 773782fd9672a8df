"""`hushd config`: shows and changes settings, which a running supervisor then applies; the file, for other commands."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hushd_models import advice, catalogue, configuration, languages
from hushd_models.choice.voices import choose
from hushd_models.installation import document
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.names import SPEECH_ROLES
from hushd_protocol.suggest import did_you_mean
from hushd_protocol.system import atomic_file, paths
from hushd_schema import toml
from hushd_schema.settings import DEFAULTS, editing, load
from hushd_schema.settings.reference import rows, suggestion

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console
from hushd_cli.terminal.console import shown

_COMMANDS = ("command", "when_short")  # lists whose words may have commas


def main(prog: str, argv: Sequence[str]) -> int:
    parser = make_parser(prog)
    options = parser.parse_args(["show", *argv[1:]] if argv[:1] == ["get"] else argv)  # git's and npm's word
    path = paths.find().config
    if options.command is None:
        parser.print_help()
    elif options.command == "path":
        console.write(f"{path}\n")
    elif options.command == "check":
        if options.file and not os.path.exists(options.file):
            raise HushdError("bad_request", f"{options.file} does not exist.")
        console.write(f"{shown(checked(Path(options.file) if options.file else path), 1)}\n")
    elif options.command == "show":
        _show(options.key, path, options.json)
    else:
        place = editing.path_of(options.key)
        value = _value(place, options.value) if options.command == "set" else None
        if place == ["languages"] and isinstance(value, list):
            value = list(map(languages.checked, value))
        role = place[0].removesuffix("_by_language")
        if role in SPEECH_ROLES and isinstance(value, str):
            value = _usable(role, value)
        elif place == ["voice"] and value:
            _check_voice(str(value))
        _replace(path, editing.with_key(toml.read(path), place, value))
    return 0


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, f"Show and change the configuration; {document('CONFIGURATION.md')} has every key.")
    commands = parser.add_commands()
    checked = commands.add("check", "report what is wrong with the configuration")
    checked.add_argument("file", nargs="?", metavar="FILE", help="the file to check; default: your configuration")
    shown = commands.add("show", "print every setting, and mark changed ones; the default")
    shown.add_argument("key", nargs="?", metavar="KEY", help="only this one, such as tts or worker.keep_alive")
    shown.add_argument("--json", action="store_true", help="print JSON, for programs")
    commands.add("path", "print the path of the file")
    changed = commands.add("set", "change a setting; a running supervisor applies it at once")
    changed.add_argument("key", metavar="KEY", help='such as tts, http.listen or worker."stt/moonshine".keep_alive')
    changed.add_argument(
        "value", nargs="*", metavar="VALUE", help="such as 10m, true or espeak-ng/all; several of a list"
    )
    unset = commands.add("unset", "remove a setting, so that its default holds")
    unset.add_argument("key", metavar="KEY")
    return parser


# --- the file, also for other commands --------------------------------------------------------------------------------


def checked(path: Path) -> str:
    """Checks the configuration at `path`; returns a sentence if it is valid. Raises HushdError with the mistake."""
    configuration.check(path)
    return f"{path} is fine." if path.exists() else f"{path} does not exist, so the defaults hold."


def change(path: Path, edited: Callable[[str], str]) -> None:
    """Replaces the text of the file at `path` by `edited(text)`; follows links, and keeps the mode.
    Raises `bad_request` if it cannot be read; `output_failed`; and as `edited`."""
    text = toml.read(path)
    if (new := edited(text)) == text:
        return
    target = Path(os.path.realpath(path))
    with os_errors_as("output_failed", f"{path} cannot be written"):
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        atomic_file.replace(target, new, mode, sync=True)


def have_it_read() -> None:
    """Tells a running supervisor to apply the configuration; its workers do at their next start."""
    from hushd.client import Client  # noqa: PLC0415 - 0.1 s, which reading settings does without

    try:
        with Client(holder="cli", start=False, endpoint="") as client:
            try:
                client.reload()
            except HushdError as error:
                if error.code != "version_mismatch":
                    raise
                client.restart()  # hushd's files were replaced under this supervisor: the next one reads it
    except HushdError as error:
        if folder := error.detail.get("runtime"):
            console.complain(
                "A supervisor of another session runs. To have it read this: "
                f"HUSHD_RUNTIME_DIR={folder} hushd restart --config-only"
            )
        elif error.code != "no_supervisor":
            raise


# --- showing ----------------------------------------------------------------------------------------------------------


def _show(key: str | None, place: Path, as_json: bool) -> None:
    settings = rows(load(place))
    spelt = {".".join(map(toml.key, row["path"])): ".".join(row["path"]) for row in settings}
    for row in settings:
        row["key"] = ".".join(map(toml.key, row.pop("path")))
    if key is not None:
        begun = f"{key}."
        settings = [
            row for row in settings if any(f"{name}.".startswith(begun) for name in (row["key"], spelt[row["key"]]))
        ]
        if not settings:
            hint = did_you_mean(key, spelt) or suggestion(key.rpartition(".")[2])
            raise HushdError("bad_request", f"There is no setting {key!r}{hint}.")
    if as_json:
        console.write_json(settings)
    elif key is not None and len(settings) == 1:
        value = settings[0]["value"]
        console.write((value if isinstance(value, str) else toml.written(value)) + "\n")
    else:
        console.write("".join(f"{_line(row)}\n" for row in settings))


def _line(row: JsonObject) -> str:
    text = f"{row['key']} = {toml.written(row['value'])}"
    return text if row["value"] == row["default"] else f"{text}  # default: {toml.written(row['default'])}"


# --- changing ---------------------------------------------------------------------------------------------------------


def _value(place: Sequence[str], words: Sequence[str]) -> Any:
    """Returns the value that `words` give the setting at `place`: a list has a word for each of its entries, or one
    with commas, but for a command's. Raises `bad_request` if there is no word."""
    of_all = tuple(dict.fromkeys((place[0], place[-1])))  # a worker's setting is declared without its name
    declared = next((row for row in rows(DEFAULTS) if row["path"] == of_all), None)
    if not words:
        raise HushdError("bad_request", f"{'.'.join(place)} needs a value{'' if declared else suggestion(place[-1])}.")
    value = editing.value_of(" ".join(words))
    is_list = declared is not None and declared["default"] == ()
    if not is_list or isinstance(value, list):
        return value
    return words[0].split(",") if len(words) == 1 and place[-1] not in _COMMANDS else list(words)


def _check_voice(name: str) -> None:
    """Raises `bad_request` for a voice that no engine has, unless there is no supervisor who could be asked."""
    from hushd.client import Client  # noqa: PLC0415 - 0.1 s, which reading settings does without

    try:
        with Client(holder="cli", endpoint="") as client:
            choose(client.describe("tts").tts, name, None)
    except HushdError as error:
        if error.code != "no_supervisor":
            raise


def _usable(role: str, name: str) -> str:
    """Returns ENGINE/NAME of a model of `role`, which must work at the next request; of a bare name, such as `tiny`,
    the engine's that needs least memory, as `--model` has it. A name that nobody knows is returned unchanged: the check
    of the file refuses it.
    Raises `model_missing` if it is not installed, and not downloaded by itself either; with the commands."""
    from .models.recommend import ModelIndex  # noqa: PLC0415 - likewise

    index = ModelIndex()
    meant = catalogue.find(name)
    names = {name, meant.model if meant else ""}
    models = [
        row
        for row in index.rows()
        if row.role == role and (row.model in names or row.model.partition("/")[2].lower() == name.lower())
    ]
    if not models:
        return name
    best = min(models, key=lambda row: (not row.usable or index.lacks_engine(row), row.memory_mb))
    comes = best.usable or load(index.paths.config).auto_pull
    if best.known and (index.lacks_engine(best) or not comes):
        steps = advice.steps(best.known, here=best.usable)
        raise HushdError("model_missing", f"{best.model} is not on this machine: run {steps} first.")
    return best.model


def _replace(path: Path, text: str) -> None:
    """Gives the file at `path` a text that a supervisor would accept, and has it read.
    Raises HushdError with the mistake; `output_failed`."""
    if text == toml.read(path):
        console.note("Nothing has changed.")
        return
    with os_errors_as("output_failed", f"{path} cannot be written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", prefix=".", suffix=".toml", dir=path.parent, encoding="utf-8") as draft:
            draft.write(text)
            draft.flush()
            try:
                checked(Path(draft.name))
            except HushdError as error:
                raise HushdError(error.code, error.message.replace(draft.name, os.fspath(path))) from error
    change(path, lambda _: text)
    have_it_read()
