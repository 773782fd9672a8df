"""Checks of the installation: Python, libraries, commands, extras, folders, configuration, models, service."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from hushd_models import advice, user_models
from hushd_models import languages as names
from hushd_models.installation import extra_command, plugin_needed
from hushd_models.inventory import Row, rows
from hushd_models.store import Store
from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema import engines, entry_points

from hushd_cli.commands import config
from hushd_cli.commands import service as of_session

from .finding import Finding, broken, note, of_error, ok, warning

FULL_MB = 500  # of free disk, below which models have no room
_NEEDED = {
    "msgpack": "msgpack",
    "psutil": "psutil",
    "pyzmq": "zmq",
    "tomlkit": "tomlkit",
}  # packages, and their modules
# The purpose of each extra without an engine, and its modules.
_EXTRAS = {
    "audio": ("loudspeaker and microphone", ("sounddevice",)),
    "diarize": ("telling speakers apart", ("moonshine_voice", "onnxruntime")),
    "mcp": ("`hushd mcp`", ("mcp", "sounddevice")),
    "http": ("programs of OpenAI's audio API", ("multipart", "starlette", "uvicorn", "wsproto")),
    "hub": ("`hushd models pull` from Hugging Face's hub", ("huggingface_hub",)),
    "wyoming": ("Home Assistant", ("wyoming",)),
}
_PATHS = ("HUSHD_CONFIG", "HUSHD_MODELS_DIR", "HUSHD_RUNTIME_DIR", "HUSHD_STATE_DIR")  # the other values may be secrets


def python() -> Iterator[Finding]:
    """Checks the interpreter, and whether it may keep compiled files."""
    yield ok(f"Python {sys.version.split()[0]} in {sys.prefix}, hushd {__version__}")
    if sys.flags.dont_write_bytecode:
        yield warning(
            "PYTHONDONTWRITEBYTECODE is set: every process compiles its modules anew",
            "unset PYTHONDONTWRITEBYTECODE",
        )


def plugins() -> Iterator[Finding]:
    """Lists the plugins that are installed; one of another version than hushd is not used."""
    versions = entry_points.plugins()
    if used := [name for name, version in sorted(versions.items()) if version == __version__]:
        yield ok(", ".join(used))
    for name in sorted(versions.keys() - {*used}):
        yield of_error(HushdError("engine_missing", plugin_needed(name, "")), state="warning")


def libraries() -> Iterator[Finding]:
    """Checks the required libraries."""
    installed, missing = [], []
    for package, module in _NEEDED.items():
        try:
            __import__(module)
            installed.append(f"{package} {version(package)}")
        except (ImportError, PackageNotFoundError) as error:
            missing.append(f"{package} ({error})")
    yield (
        broken(f"cannot be imported: {', '.join(missing)}", "reinstall hushd") if missing else ok(", ".join(installed))
    )


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
    """Checks the runtime folder and its sockets, which only the user may access, and the state folder."""
    try:
        places = paths.find()
    except HushdError as error:
        yield broken(error.message, "export HUSHD_RUNTIME_DIR=/tmp/hushd-$UID")
        return
    if not os.path.lexists(places.runtime):
        yield ok(f"{places.runtime} is made when a supervisor starts")
    else:
        yield _runtime(places)
        for path in filter(Path.is_socket, (places.client_socket, places.worker_socket)):
            mode = _mode(path)
            text = f"socket {path}, mode {mode:04o}"
            yield warning(text, f"chmod 0700 {path}") if mode & 0o077 else ok(text)
    yield _writable("state", places.state, "HUSHD_STATE_DIR")


def _runtime(places: paths.Paths) -> Finding:
    try:
        paths.prepare_runtime(places)
    except HushdError as error:
        return of_error(error)
    return ok(f"runtime folder {places.runtime}, mode {_mode(places.runtime):04o}")


def _mode(path: Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def _writable(what: str, folder: Path, variable: str) -> Finding:
    existing = _existing(folder)
    if not os.access(existing, os.W_OK | os.X_OK):
        remedy = f"chown -R $USER {existing}, or set {variable} to a folder of yours"
        return broken(f"{what} folder {folder} cannot be written", remedy)
    room = os.statvfs(existing)
    if not room.f_bavail or (room.f_files and not room.f_favail):  # some file systems count no files
        remedy = "make room: logs and records are not written meanwhile, and speech and hearing go on"
        return warning(f"{what} folder {folder} is full", remedy)
    return ok(f"{what} folder {folder}")


def _existing(folder: Path) -> Path:
    """Returns the folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


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
    for name in sorted(key for key in os.environ if key.startswith("HUSHD_")):
        yield note(f"{name} is set in this shell{f': {os.environ[name]}' if name in _PATHS else ''}")


def models() -> Iterator[Finding]:
    """Checks the installed models for completeness, and the disk space for more."""
    here = paths.find()
    listed = rows(Store(here), user_models.configured(here.config))
    usable = [row for row in listed if row.usable]
    size = sum(row.size for row in usable) / 1e6
    yield ok(f"{len(usable)} models are here, {size:.0f} MB besides those in packages")
    for row in listed:
        if row.state == "broken":
            yield broken(f"{row.model}: {row.problem}", f"hushd models pull {row.model}")
        elif row.state == "half":
            remedy = f"hushd models pull {row.model}, or hushd models rm {row.model}"
            yield warning(f"{row.model} was interrupted during its download", remedy)
    lacking = sorted({row.engine for row in usable if row.known and not advice.engine_installed(row.known.engine)})
    for engine in lacking:
        if engine not in user_models.engines_elsewhere(here.config):
            yield warning(f"models of {engine} are here, and {engine} is not installed", advice.engine_command(engine))
    existing = _existing(here.models)
    free = shutil.disk_usage(existing).free / 1e6
    if free < FULL_MB:
        yield warning(f"{free:.0f} MB are free at {existing}", "hushd models rm")


def languages() -> Iterator[Finding]:
    """Checks whether something here hears and speaks each of the user's languages."""
    here = paths.find()
    usable = [row for row in rows(Store(here), user_models.configured(here.config)) if row.usable and row.known]
    able = {role: {names.code(tag) for row in usable if row.role == role for tag in _spoken(row)} for role in _DOES}
    for code in user_models.own_languages(here.config) or ["en"]:
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
