"""Checks of the installation: Python, libraries, commands, extras."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from hushd_models import advice
from hushd_models.installation import extra_command
from hushd_protocol import __version__
from hushd_schema import engines

from .finding import Finding

OLDEST = (3, 11)
_NEEDED = ("msgpack", "psutil", "pyzmq", "tomlkit")
_MODULES = {"pyzmq": "zmq"}
# The purpose of each extra without an engine, and its modules.
_EXTRAS = {
    "audio": ("loudspeaker and microphone", ("sounddevice",)),
    "duck": ("other programs are quieter while you talk", ("jeepney", "pulsectl")),
    "diarize": ("telling speakers apart", ("moonshine_voice", "onnxruntime")),
    "mcp": ("`hushd mcp`", ("mcp", "sounddevice")),
    "http": ("programs of OpenAI's audio API", ("multipart", "starlette", "uvicorn", "wsproto")),
    "wyoming": ("Home Assistant", ("wyoming",)),
}


def python() -> Iterator[Finding]:
    """Checks the interpreter, and whether it may keep compiled files."""
    where = f"Python {sys.version.split()[0]} in {sys.prefix}, hushd {__version__}"
    if sys.version_info < OLDEST:
        yield Finding(
            "python", "broken", where, f"install Python {'.'.join(map(str, OLDEST))} or newer, and hushd into it"
        )
    else:
        yield Finding("python", "ok", where)
    if sys.flags.dont_write_bytecode:
        yield Finding(
            "python",
            "warning",
            "PYTHONDONTWRITEBYTECODE is set: every process compiles its modules anew",
            "unset PYTHONDONTWRITEBYTECODE",
        )


def libraries() -> Iterator[Finding]:
    """Checks the required libraries."""
    installed, missing = [], []
    for name in _NEEDED:
        try:
            __import__(_MODULES.get(name, name))
            installed.append(f"{name} {version(name)}")
        except (ImportError, PackageNotFoundError) as error:
            missing.append(f"{name} ({error})")
    if missing:
        yield Finding("libraries", "broken", f"cannot be imported: {', '.join(missing)}", "reinstall hushd")
    else:
        yield Finding("libraries", "ok", ", ".join(installed))


def extras() -> Iterator[Finding]:
    """Checks the extras of `default`; a note says what a missing one would add."""
    of_engines = {spec.extra: (spec.brings, spec.modules) for spec in engines.every() if spec.brings and spec.extra}
    for extra, (brings, modules) in {**of_engines, **_EXTRAS}.items():
        missing = [module for module in modules if not any(map(find_spec, module.split("|")))]
        if not missing:
            yield Finding("extras", "ok", f"{extra}: {brings}")
        elif len(missing) == len(modules):
            yield Finding("extras", "note", f"{extra} is not installed: {brings}", extra_command(extra))
        else:
            lacks = f"{extra} lacks {', '.join(missing)}: {brings}"
            yield Finding("extras", "warning", lacks, extra_command(extra))
    yield from _engines_of_others()


def _engines_of_others() -> Iterator[Finding]:
    """Checks the engines of other packages; a note says what one lacks."""
    for spec in engines.added():
        brings = spec.brings or f"{spec.role}/{spec.name}"
        if missing := [module for module in spec.packages if find_spec(module) is None]:
            lacks = f"{spec.name} lacks {', '.join(missing)}: {brings}"
            yield Finding("extras", "note", lacks, advice.engine_command(spec.name))
        else:
            yield Finding("extras", "ok", f"{spec.name}: {brings}")
    for name, why in engines.problems().items():
        remedy = "reinstall the package that brings it, or remove it"
        yield Finding("extras", "warning", f"the engine spec of {name} does not import ({why})", remedy)


def commands() -> Iterator[Finding]:
    """Checks that the shell finds hushd's commands, and no others of the same name."""
    folder = os.path.dirname(sys.executable)
    names = [name for name in ("hushd", "say", "listen") if os.path.exists(os.path.join(folder, name))]
    if absent := [name for name in names if shutil.which(name) is None]:
        yield Finding("commands", "note", f"not on PATH: {', '.join(absent)}", f'export PATH="{folder}:$PATH"')
    for name in names:
        our_path, program = os.path.join(folder, name), shutil.which(name)
        if program is None:
            continue
        if not _is_ours(program, our_path):
            yield Finding(
                "commands", "note", f"{name} on PATH is another program, {program}", f"hushd {name}, or {our_path}"
            )
        else:
            yield Finding("commands", "ok", f"{name} is {program}")


def _is_ours(program: str, ours: str) -> bool:
    """Returns whether both belong to the same installation: the same file, or scripts of the same interpreter."""
    if os.path.samefile(program, ours):
        return True
    try:
        with open(program, "rb") as script:
            return os.fsencode(sys.prefix) in script.readline(4096)
    except OSError:
        return False
