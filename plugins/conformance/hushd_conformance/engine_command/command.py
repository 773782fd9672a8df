"""`hushd engine`: writes the beginning of an engine in a new package, and checks whether an engine keeps the
contract."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console
from hushd_models.installation import document
from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES, SPEECH_ROLES
from hushd_protocol.suggest import did_you_mean
from hushd_schema import engines
from hushd_schema.entry_points import entry_points

_TEMPLATES = Path(__file__).parent / "templates"
_EXAMPLE = "pitch"  # the engine of the templates
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# By the template's file, its path in the new folder; `{module}` is the package's name.
_FILES = {
    "pyproject.toml.txt": "pyproject.toml",
    "spec.py.txt": "{module}/spec.py",
    "engine.py.txt": "{module}/engine.py",
    "test.py.txt": "tests/test_engine.py",
    "tiny.txt": "tests/tiny.{name}",
}


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    if options.command == "check":
        return _check(options.name, options.model)
    _new(options.name, options.role, Path(options.folder or f"hushd-{options.name}"))
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the parser of the command."""
    parser = Parser(prog, f"Begin and check an engine of your own; {document('MODELS.md')} explains how.")
    commands = parser.add_commands()
    new = commands.add("new", "write a package with an engine, a test and a tiny model to start from")
    new.add_argument("name", metavar="NAME", help="the name of the engine, such as my-whistle")
    new.add_argument("--role", choices=SPEECH_ROLES, default="stt", help="the role of the engine; default: %(default)s")
    new.add_argument("--folder", metavar="FOLDER", help="the new folder; default: hushd-NAME")
    check = commands.add("check", "load an engine and check that it keeps the contract")
    check.add_argument("name", metavar="NAME")
    check.add_argument("--model", default="default", metavar="NAME", help="default: the engine's own")
    return parser


def _new(name: str, role: str, folder: Path) -> None:
    """Writes a package.

    Raises:
        HushdError: `bad_request` for an invalid or used name; `output_failed` if the folder cannot be written.
    """
    if not _NAME.fullmatch(name) or len(name) > 32:
        raise HushdError(
            "bad_request",
            f"{name!r:.60} is not a name: use small letters, digits and dashes between them, such as my-engine.",
        )
    if any(name in engines.own(each) for each in ENGINE_ROLES):
        raise HushdError("bad_request", f"{name} is an engine of hushd's: choose another name.")
    if folder.exists():
        raise HushdError("output_failed", f"{folder} exists already: name another with --folder.")
    module = f"hushd_{name.replace('-', '_')}"
    try:
        for template, place in _FILES.items():
            file = folder / place.format(module=module, name=name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_named((_TEMPLATES / role / template).read_text(encoding="utf-8"), name), encoding="utf-8")
        (folder / module / "__init__.py").touch()
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise HushdError("output_failed", f"{folder} cannot be written ({error.strerror}).") from error
    console.write(
        f"{folder} contains a working engine: install it with `pip install --editable {folder}`, then run its tests "
        f"with `python -m pytest {folder}`.\n"
    )


def _named(text: str, name: str) -> str:
    """Returns a template with the engine's name in place of the example's."""
    spelt = name.replace("-", "_")
    words = {
        f"hushd_{_EXAMPLE}": f"hushd_{spelt}",
        _EXAMPLE.capitalize(): "".join(part.capitalize() for part in name.split("-")),
        f"{_EXAMPLE.upper()}_": f"{spelt.upper()}_",
        _EXAMPLE: name,
    }
    return re.sub("|".join(words), lambda match: words[match[0]], text)


def _check(name: str, model: str) -> int:
    """Makes another process load the engine and try it; returns 1 if it does not keep the contract.

    Raises:
        HushdError: `engine_missing` for an unknown engine, `worker_failed` if the engine ends that process.
    """
    spec = engines.find(name)
    without = (each for each in SPEECH_ROLES if name in entry_points(f"hushd.{each}_engines"))
    role = spec.role if spec else next(without, "")
    if role not in SPEECH_ROLES:
        problem = engines.problems().get(name)
        close = did_you_mean(name, [each.name for each in engines.every()])
        why = f": its spec does not import ({problem})" if problem else close
        raise HushdError("engine_missing", f"There is no engine {name!r:.60} that hears or speaks{why}.")
    command = [sys.executable, "-P", "-m", "hushd_conformance", "--role", role, name, model]
    status = subprocess.run(command).returncode
    if status < 0:
        end = signal.Signals(-status).name
        raise HushdError("worker_failed", f"{name} ended the process by {end}, in the case that was named last.")
    return status
