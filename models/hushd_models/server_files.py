"""Finds and reads the files of servers, `servers/NAME.toml` beside the configuration."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted
from hushd_protocol.system import paths
from hushd_schema import server_file
from hushd_schema.server_file import ServerFile

from . import languages
from .installation import document


def path_of(name: str) -> Path:
    return paths.find().config.parent / server_file.FOLDER / f"{name}.toml"


def names() -> list[str]:
    return sorted(path.stem for path in path_of("").parent.glob("*.toml"))


def existing(name: str) -> Path:
    """Returns the path of a server's file. Raises HushdError `model_missing` if there is none."""
    if name in names():
        return path_of(name)
    there_are = f"there are {', '.join(names())}" if names() else "`hushd servers add NAME -- COMMAND` adds one"
    raise HushdError("model_missing", f"There is no server {quoted(name)}: {there_are}.")


def read(name: str) -> ServerFile:
    """Reads a server's file. Raises `model_missing` for a file that is missing or invalid."""
    path = existing(name)
    try:
        server = server_file.load(path)
        for language in server.languages:
            languages.checked(language)
    except HushdError as error:
        advice = f"{error.message.rstrip('.')} (see {document('SERVERS.md')})."
        raise HushdError("model_missing", advice) from error
    return server


def every(role: str) -> dict[str, ServerFile | None]:
    """Returns the servers for a role by name; None for an invalid file, whose use reports the mistake."""
    servers: dict[str, ServerFile | None] = {}
    for name in names():
        try:
            server = read(name)
        except HushdError:
            servers[name] = None
        else:
            if server.does(role):
                servers[name] = server
    return servers


def installed(server: ServerFile) -> str | None:
    """Returns the path of the server's program; None if there is none."""
    program = os.path.expanduser(server.run[0])
    return shutil.which(os.path.join(os.path.expanduser(server.cwd), program) if "/" in program else program)
