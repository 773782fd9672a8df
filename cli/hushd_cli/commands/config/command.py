"""`hushd config`: shows and changes settings, which a running supervisor then applies."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hushd_models.installation import document
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.names import SPEECH_ROLES
from hushd_protocol.suggest import did_you_mean
from hushd_protocol.system import best_effort, paths
from hushd_protocol.system.terminal import shown
from hushd_schema import toml
from hushd_schema.settings import editing, load
from hushd_schema.settings.reference import block, rows, written

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

from . import file

EDITORS = ("VISUAL", "EDITOR")
USUAL_EDITOR = "vi"


def main(prog: str, argv: Sequence[str]) -> int:
    parser = make_parser(prog)
    options = parser.parse_args(["show", *argv[1:]] if argv[:1] == ["get"] else argv)  # git's and npm's word
    config_path = paths.find().config
    if options.command is None:
        parser.print_help()
    elif options.command == "path":
        console.write(f"{config_path}\n")
    elif options.command == "check":
        console.write(f"{shown(_checked(options.file, config_path), 1)}\n")
    elif options.command == "show":
        _show(options.key, config_path, options.json)
    elif options.command == "edit":
        _edit(config_path)
    else:
        value = editing.value_of(options.value) if options.command == "set" else None
        if options.key in SPEECH_ROLES and isinstance(value, str):
            from .model import usable

            value = usable(options.key, value)
        _change(config_path, lambda text: editing.with_key(text, editing.path_of(options.key), value))
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(prog, f"Show and change the configuration; {document('CONFIGURATION.md')} has every key.")
    commands = parser.add_commands()
    checked = commands.add("check", "report what is wrong with the configuration")
    checked.add_argument("file", nargs="?", metavar="FILE", help="the file to check; default: your configuration")
    shown = commands.add("show", "print every setting, and mark changed ones; the default")
    shown.add_argument("key", nargs="?", metavar="KEY", help="only this one, such as tts or worker.keep_alive")
    shown.add_argument("--json", action="store_true", help="print JSON, for programs")
    commands.add("path", "print the path of the file")
    commands.add("edit", "edit the file in $VISUAL, $EDITOR or vi; it is replaced once it is valid")
    changed = commands.add("set", "change a setting; a running supervisor applies it at once")
    changed.add_argument("key", metavar="KEY", help='such as tts, http.listen or worker."stt/moonshine".keep_alive')
    changed.add_argument("value", metavar="VALUE", help='such as 10m, true, espeak-ng/all or ["127.0.0.1:8000"]')
    unset = commands.add("unset", "remove a setting, so that its default holds")
    unset.add_argument("key", metavar="KEY")
    commands.add("pronounce", "set how words are pronounced, by every voice")
    return parser


def _checked(named: str | None, default_path: Path) -> str:
    """Checks the named file, which must exist, or else the user's; returns a sentence."""
    if named and not os.path.exists(named):
        raise HushdError("bad_request", f"{named} does not exist.")
    return file.checked(Path(named) if named else default_path)


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
            raise HushdError("bad_request", f"There is no setting {key!r}{did_you_mean(key, spelt)}.")
    if as_json:
        console.write_json(settings)
    elif key is not None and len(settings) == 1:
        value = settings[0]["value"]
        console.write((value if isinstance(value, str) else written(value)) + "\n")
    else:
        console.write("".join(f"{_line(row)}\n" for row in settings))


def _line(row: JsonObject) -> str:
    text = f"{row['key']} = {written(row['value'])}"
    return text if row["value"] == row["default"] else f"{text}  # default: {written(row['default'])}"


def _change(config_path: Path, change: Callable[[str], str]) -> None:
    """Replaces the file's text by `change(text)`, if a supervisor would accept it."""
    old = toml.read(config_path)
    new = change(old)
    if new == old:
        console.note("Nothing has changed.")
        return
    beside = _beside(config_path, new)
    try:
        _check(beside, config_path)
    finally:
        _remove(beside)
    file.replace(config_path, new)
    file.have_it_read()


def _edit(config_path: Path) -> None:
    """Lets the user edit a copy until it is valid, and then replaces the file with it."""
    old = toml.read(config_path)
    copy = _beside(config_path, old or _template())
    before = copy.read_bytes()
    while True:
        _run_editor(copy)
        if copy.read_bytes() == before:
            console.note("Nothing has changed.")
            break
        try:
            _check(copy, config_path)
        except HushdError as error:
            console.complain(error.message)
            if not _wants_again():
                raise HushdError("bad_request", f"{config_path} stays as it was; your text is in {copy}.") from error
            continue
        file.replace(config_path, toml.read(copy))
        file.have_it_read()
        break
    _remove(copy)


def _run_editor(path: Path) -> None:
    words = next((os.environ[name] for name in EDITORS if os.environ.get(name)), USUAL_EDITOR)
    try:
        status = subprocess.run([*shlex.split(words), os.fspath(path)]).returncode
    except (OSError, ValueError) as error:
        raise HushdError("bad_request", f"The editor {words!r} cannot be run ({error}): set EDITOR.") from error
    if status:
        _remove(path)
        raise HushdError("cancelled", f"The editor ended with status {status}: nothing has changed.")


def _wants_again() -> bool:
    if not os.isatty(0):
        return False
    try:
        return input("Edit it again? [Y/n] ").strip().lower() in ("", "y", "yes")
    except EOFError:
        return False


def _beside(config_path: Path, text: str) -> Path:
    """Returns a new file beside the configuration, on the same disk, so that it can replace it atomically."""
    try:
        config_path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{config_path.stem}-", suffix=".toml", dir=config_path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as new:
                new.write(text)
        except OSError:
            _remove(Path(name))
            raise
    except OSError as error:
        raise HushdError("output_failed", f"{config_path} cannot be written ({error.strerror}).") from error
    return Path(name)


def _remove(copy: Path) -> None:
    with best_effort.writing(copy):
        copy.unlink(missing_ok=True)


def _check(copy: Path, config_path: Path) -> None:
    """Raises `bad_request` for a mistake in `copy`, under the name of the file that it will replace."""
    try:
        file.checked(copy)
    except HushdError as error:
        raise HushdError(error.code, error.message.replace(os.fspath(copy), os.fspath(config_path))) from error


def _template() -> str:
    """Returns the text of a new file: all settings as comments."""
    lines = block().splitlines()
    head = f"# Every setting with its default; {document('CONFIGURATION.md')} explains them."
    return "\n".join([head, *(f"# {line}" if line else "" for line in lines), ""])
