"""Finds and reads the files of servers, `servers/NAME.toml` beside the configuration."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted
from hushd_schema import server_file
from hushd_schema.server_file import ServerFile
from hushd_schema.toml import Table

from . import languages
from .own_files import OwnFiles


def _made(path: Path, content: Table) -> ServerFile:
    server = server_file.read(path.stem, content)
    for language in server.languages:
        languages.checked(language)
    return server


SERVERS = OwnFiles(server_file.FOLDER, "SERVERS.md", _made)


def existing(name: str) -> Path:
    """Returns the path of a server's file. Raises HushdError `model_missing` if there is none."""
    names = SERVERS.names()
    if name in names:
        return SERVERS.path(name)
    there_are = f"there are {', '.join(names)}" if names else "`hushd servers add NAME -- COMMAND` adds one"
    raise HushdError("model_missing", f"There is no server {quoted(name)}: {there_are}.")


def read(name: str) -> ServerFile:
    """Reads a server's file. Raises `model_missing` for a file that is missing or invalid."""
    existing(name)
    return SERVERS.read(name)


def every(role: str) -> dict[str, ServerFile | None]:
    """Returns the servers for a role by name; None for an invalid file, whose use reports the mistake."""
    return {name: server for name, server in SERVERS.every().items() if server is None or server.does(role)}


def need_mb(name: str) -> tuple[float, float]:
    """Returns the MB of a server in the machine and on a card, as its file says. Raises as `read`."""
    server = read(name)
    return server.memory_mb, server.vram_mb


def installed(server: ServerFile) -> str | None:
    """Returns the path of the server's program; None if there is none."""
    program = os.path.expanduser(server.run[0])
    return shutil.which(os.path.join(os.path.expanduser(server.cwd), program) if "/" in program else program)
