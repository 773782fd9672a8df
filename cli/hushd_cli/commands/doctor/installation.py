"""Checks of the installation: Python, plugins, extras, commands, folders, configuration, models, languages, service."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from hushd_models import advice, catalogue, preferences
from hushd_models import languages as names
from hushd_models.choice.recommendation import tells_apart
from hushd_models.installation import extra_command, plugin_needed
from hushd_models.inventory import Row, rows
from hushd_models.store import Store
from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema import engines, entry_points
from hushd_schema.settings import load

from hushd_cli.commands import config
from hushd_cli.commands import service as of_session

from .finding import Finding, broken, note, of_error, ok, warning

# The purpose of each extra without an engine, and its modules.
_EXTRAS = {
    "audio": ("loudspeaker and microphone", ("sounddevice",)),
    "diarize": ("telling speakers apart", ("moonshine_voice", "onnxruntime")),
    "mcp": ("`hushd mcp`", ("mcp", "sounddevice")),
    "http": ("programs of OpenAI's audio API", ("multipart", "starlette", "uvicorn", "wsproto")),
    "hub": ("`hushd models pull` from Hugging Face's hub", ("huggingface_hub",)),
    "wyoming": ("Home Assistant", ("wyoming",)),
}


def python() -> Iterator[Finding]:
    """Checks the interpreter, and whether it may keep compiled files."""
    yield ok(f"Python {sys.version.split()[0]} in {sys.prefix}, hushd {__version__}")
    if sys.flags.dont_write_bytecode:
        yield warning(
            "PYTHONDONTWRITEBYTECODE is set: every process compiles its modules anew", "unset PYTHONDONTWRITEBYTECODE"
        )


def plugins() -> Iterator[Finding]:
    """Lists the plugins that are installed; one of another version than hushd is not used."""
    versions = entry_points.plugins()
    if used := [name for name, version in sorted(versions.items()) if version == __version__]:
        yield ok(", ".join(used))
    for name in sorted(versions.keys() - {*used}):
        yield of_error(HushdError("engine_missing", plugin_needed(name, "")), state="warning")


def extras() -> Iterator[Finding]:
    """Checks the extras of `default`, and the engines of other packages; a note says what a missing one would add."""
    of_engines = {spec.extra: (spec.brings, spec.modules) for spec in engines.every() if spec.brings and spec.extra}
    for extra, (brings, modules) in {**of_engines, **_EXTRAS}.items():
        missing = [module for module in modules if not any(map(find_spec, module.split("|")))]
        if not missing:
            yield ok(f"{extra}: {brings}")
        elif len(missing) == len(modules):
            yield note(f"{extra} is not installed: {brings}", extra_command(extra))
        else:
            yield warning(f"{extra} lacks {', '.join(missing)}: {brings}", extra_command(extra))
    for spec in engines.added():
        brings = spec.brings or f"{spec.role}/{spec.name}"
        if missing := [module for module in spec.packages if find_spec(module) is None]:
            yield note(f"{spec.name} lacks {', '.join(missing)}: {brings}", advice.engine_command(spec.name))
        else:
            yield ok(f"{spec.name}: {brings}")
    for name, why in engines.problems().items():
        text = f"the engine spec of {name} does not import ({why})"
        yield warning(text, "reinstall the package that brings it, or remove it")


def commands() -> Iterator[Finding]:
    """Checks that the shell finds hushd's commands, and no others of the same name."""
    folder = os.path.dirname(sys.executable)
    names = [name for name in ("hushd", "say", "listen") if os.path.exists(os.path.join(folder, name))]
    if absent := [name for name in names if shutil.which(name) is None]:
        yield note(f"not on PATH: {', '.join(absent)}", f'export PATH="{folder}:$PATH"')
    for name in names:
        ours, program = os.path.join(folder, name), shutil.which(name)
        if program and _is_ours(program, ours):
            yield ok(f"{name} is {program}")
        elif program:
            yield note(f"{name} on PATH is another program, {program}", f"hushd {name}, or {ours}")


def _is_ours(program: str, ours: str) -> bool:
    """Returns whether both belong to the same installation: the same file, or scripts of the same interpreter."""
    if os.path.samefile(program, ours):
        return True
    try:
        with open(program, "rb") as script:
            return os.fsencode(sys.prefix) in script.readline(4096)
    except OSError:
        return False


def folders() -> Iterator[Finding]:
    """Checks the runtime folder, which only the user may access, and the state folder."""
    try:
        places = paths.find()
    except HushdError as error:
        yield broken(error.message, "export HUSHD_RUNTIME_DIR=/tmp/hushd-$UID")
        return
    if os.path.lexists(places.runtime):
        yield _runtime(places)
    else:
        yield ok(f"{places.runtime} is made when a supervisor starts")
    yield _state(places.state)


def _runtime(places: paths.Paths) -> Finding:
    try:
        paths.prepare_runtime(places)
    except HushdError as error:
        return of_error(error)
    return ok(f"runtime folder {places.runtime}")


def _state(folder: Path) -> Finding:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        remedy = f"chown -R $USER {existing}, or set HUSHD_STATE_DIR to a folder of yours"
        return broken(f"state folder {folder} cannot be written", remedy)
    room = os.statvfs(existing)
    if not room.f_bavail or (room.f_files and not room.f_favail):  # some file systems count no files
        remedy = "make room: logs and records are not written meanwhile, and speech and hearing go on"
        return warning(f"state folder {folder} is full", remedy)
    return ok(f"state folder {folder}")


def configuration() -> Iterator[Finding]:
    """Checks the configuration file, as the supervisor reads it."""
    path = paths.find().config
    try:
        text = config.checked(path).rstrip(".")
    except HushdError as error:
        yield broken(error.message.rstrip("."), "edit it, then `hushd config check`")
    else:
        if os.environ.get("HUSHD_CONFIG") and not path.exists():
            yield warning(f"HUSHD_CONFIG is set, and {text}", "unset HUSHD_CONFIG, or write it")
        else:
            yield ok(text)


def models() -> Iterator[Finding]:
    """Checks the installed models for completeness."""
    here = paths.find()
    listed = rows(Store(here))
    usable = [row for row in listed if row.usable]
    size = sum(row.size for row in usable) / 1e6
    yield ok(f"{len(usable)} models are here, {size:.0f} MB besides those in packages")
    for row in listed:
        if row.state == "broken":
            yield broken(f"{row.model}: {row.problem}", f"hushd models pull {row.model}")
        elif row.state == "half":
            remedy = f"hushd models pull {row.model}, or hushd models rm {row.model}"
            yield warning(f"{row.model} was interrupted during its download", remedy)


def languages() -> Iterator[Finding]:
    """Checks whether something here hears and speaks each of the user's languages, and whether the usual model tells
    them apart."""
    here = paths.find()
    usable = [row for row in rows(Store(here)) if row.usable and row.known]
    able = {role: {names.code(tag) for row in usable if row.role == role for tag in _spoken(row)} for role in _DOES}
    own = preferences.own_languages(here.config) or ["en"]
    usual = None
    with suppress(HushdError):  # a mistake of the configuration has a finding of its own
        usual = catalogue.find(load(here.config).model_for("stt"))
    if usual and usual.needs_language and not tells_apart(usual, own):
        listed = " and ".join(map(names.name, own))
        yield warning(
            f"{usual.model} cannot tell {listed} apart: it reads all as {names.name(own[0])}", f"hushd get {own[-1]}"
        )
    for code in own:
        lacking = [does for role, does in _DOES.items() if code not in able[role]]
        if lacking:
            yield warning(f"nothing here {' or '.join(lacking)} {names.name(code)}", f"hushd get {code}")
        else:
            yield ok(f"{names.name(code)} is heard and spoken")


_DOES = {"stt": "hears", "tts": "speaks"}


def _spoken(row: Row) -> Sequence[str]:
    return row.known.languages if row.known and advice.engine_installed(row.engine) else ()


def service() -> Iterator[Finding]:
    """Checks whether hushd is a service of the session, by its files and by the service manager."""
    installed, remedy = of_session.find(), "hushd service install"
    missing = installed.missing()
    if not any(path.exists() for path in installed.files):
        yield note("hushd is not a service here: commands start it", f"{remedy}, if wanted")
    elif missing:
        yield warning(f"{', '.join(path.name for path in missing)} differ from this installation", remedy)
    elif reason := of_session.run(installed.active):
        yield broken(f"{installed.manager} does not listen ({reason})", remedy)
    else:
        yield ok(f"{installed.manager} listens")
